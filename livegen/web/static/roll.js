// The piano roll: what was played, the playhead, and what is planned.

const FRAME_PX = 20;
const PLAYHEAD = 0.5;

export function mountRoll(root, link) {
  const canvas = root.appendChild(document.createElement("canvas"));
  const g = canvas.getContext("2d");
  const frames = new Map();
  canvas.width = 1000;
  canvas.height = 400;
  link.on("plan", ({ frames: rows }) => {
    for (const row of rows) frames.set(row[0], row);
  });
  function draw() {
    requestAnimationFrame(draw);
    g.fillStyle = "#000";
    g.fillRect(0, 0, canvas.width, canvas.height);
    const now = link.position();
    if (now === null) return;
    for (const [index, notes] of frames.values()) {
      notes.forEach((note, voice) => {
        g.fillStyle = ["#f66", "#6f6", "#66f", "#aaa"][voice];
        const x = canvas.width * PLAYHEAD + (index - now) * FRAME_PX;
        if (note) g.fillRect(x, canvas.height - note * 3, FRAME_PX - 1, 3);
      });
    }
  }
  requestAnimationFrame(draw);
}
