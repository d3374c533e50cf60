const socket = new WebSocket(`ws://${location.host}/stage`);
const canvas = document.getElementById("roll");
const g = canvas.getContext("2d");
const frames = new Map();
let origin = null;
socket.onmessage = ({ data }) => {
  const message = JSON.parse(data);
  if (message.type === "plan") {
    const at = message.now - performance.now() * 0.024;
    origin = origin === null ? at : Math.max(origin, at);
    for (const row of message.frames) frames.set(row[0], row);
  } else {
    document.getElementById("log").textContent += data.slice(0, 300) + "\n";
  }
};
function draw() {
  g.fillStyle = "#000";
  g.fillRect(0, 0, canvas.width, canvas.height);
  if (origin !== null) {
    const now = origin + performance.now() * 0.024;
    for (const [index, notes] of frames.values()) {
      notes.forEach((note, voice) => {
        g.fillStyle = ["#f66", "#6f6", "#66f", "#aaa"][voice];
        if (note) g.fillRect(500 + (index - now) * 20, 400 - note * 3, 19, 3);
      });
    }
  }
  requestAnimationFrame(draw);
}
draw();
