// The notes that this page holds, and by what: a finger, a key of the computer, a key of a MIDI keyboard.
//
// Everything that plays goes through here, so that each note-on is followed by exactly one note-off, whatever order
// events come in. A line that closes lets go of everything at the other end; then there is nothing to send.

const NOTE_OFF = 0x80;
const NOTE_ON = 0x90;
const RELEASE_VELOCITY = 64;

export class HeldNotes {
  constructor(link) {
    this.link = link;
    this.byHolder = new Map(); // a name such as "key:KeyZ" to the channel and note that it holds
    this.listeners = [];
    link.on("closed", () => {
      this.byHolder.clear();
      this.tell();
    });
  }

  // Call `hear` after every change.
  onChange(hear) {
    this.listeners.push(hear);
  }

  press(holder, channel, note, velocity) {
    this.release(holder);
    if (!this.link.isOpen || note < 0 || note > 127) return;
    if (this.holds(channel, note)) this.send(NOTE_OFF, channel, note, RELEASE_VELOCITY); // it is struck anew
    this.byHolder.set(holder, { channel, note });
    this.send(NOTE_ON, channel, note, Math.min(Math.max(Math.round(velocity), 1), 127));
    this.tell();
  }

  release(holder) {
    const held = this.byHolder.get(holder);
    if (!held) return;
    this.byHolder.delete(holder);
    if (!this.holds(held.channel, held.note)) this.send(NOTE_OFF, held.channel, held.note, RELEASE_VELOCITY);
    this.tell();
  }

  // Let go of what all holders hold whose names begin so.
  releaseAll(prefix) {
    for (const holder of [...this.byHolder.keys()]) if (holder.startsWith(prefix)) this.release(holder);
  }

  holds(channel, note) {
    return [...this.byHolder.values()].some((held) => held.channel === channel && held.note === note);
  }

  send(status, channel, note, velocity) {
    this.link.send("midi", { data: [status | channel, note, velocity] });
  }

  tell() {
    for (const hear of this.listeners) hear();
  }
}
