// The songs of a set-list, as the session told them last: which one plays, and which one is to come.

export class Songs {
  /** @param {import("./link.js").Link} link */
  constructor(link) {
    this.link = link;
    this.listeners = [];
    this.names = []; // none without a set-list
    this.current = 0;
    this.wanted = null; // the one that was asked for, until it begins
    this.isInBars = false; // whether a bar line is waited for
    link.on("hello", ({ session }) => {
      if (session !== this.session) this.take([], 0, null);
      this.session = session;
    });
    link.on("songs", ({ songs, current, wanted }) => this.take(songs, current, wanted));
    link.on("gauges", ({ is_running, tempo }) => (this.isInBars = is_running && tempo !== null));
  }

  take(names, current, wanted) {
    [this.names, this.current, this.wanted] = [names, current, wanted];
    for (const hear of this.listeners) hear();
  }

  /** Call `hear` after every change. */
  onChange(hear) {
    this.listeners.push(hear);
  }

  /** Name of the song that plays, or empty. */
  get name() {
    return this.names[this.current] ?? "";
  }

  /** Where it is in the set: "2 of 10", or empty. */
  get place() {
    return this.names.length ? `${this.current + 1} of ${this.names.length}` : "";
  }

  /** Name of the song to come: the one that is wanted, or else the one after this; empty at the end. */
  get next() {
    return this.names[this.wanted ?? this.current + 1] ?? "";
  }

  /** When the song that is wanted begins, in words; empty where none is. */
  get when() {
    if (this.wanted === null) return "";
    return this.isInBars && this.link.values.cue_when !== "now" ? "on the next bar line" : "in a moment";
  }

  /** Whether `next` and `previous` lead somewhere: they go on from the song that is wanted. */
  get hasNext() {
    return (this.wanted ?? this.current) + 1 < this.names.length;
  }

  get hasPrevious() {
    return this.names.length > 0 && (this.wanted ?? this.current) > 0;
  }
}
