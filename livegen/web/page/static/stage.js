// The page: one line to the session, and the parts that live on it.

import { mountAway } from "./away.js";
import { mountGauges } from "./gauges.js";
import { mountHands } from "./hands.js";
import { Link, lineTo } from "./link.js";
import { mountListen } from "./listen.js";
import { mountNotices } from "./notices.js";
import { mountPiano } from "./piano.js";
import { mountRoll } from "./roll.js";
import { Score } from "./score.js";

const link = new Link(lineTo("stage"));
const score = new Score(link);
const part = (name) => document.getElementById(name);
mountAway(part("away"), link);
mountNotices(part("notices"), link);
mountGauges(part("gauges"), link, score);
mountHands(part("hands"), link, score);
mountPiano(part("piano"), link);
mountListen(part("listen"), link);

// For tests: `fps`, `frames`, `position` and `drawMs`, as pace.js has them, and the line.
window.livegen = mountRoll(part("roll"), link, score);
window.livegen.link = link;
link.open();
