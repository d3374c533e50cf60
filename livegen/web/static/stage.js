// The page: one line to the session, and the parts that live on it.

import { mountGauges } from "./gauges.js";
import { mountHands } from "./hands.js";
import { Link } from "./link.js";
import { mountListen } from "./listen.js";
import { mountPiano } from "./piano.js";
import { mountRoll } from "./roll.js";

const address = new URL("stage", location.href);
address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
const link = new Link(address);
mountRoll(document.getElementById("roll"), link);
mountGauges(document.getElementById("gauges"), link);
mountHands(document.getElementById("hands"), link);
mountPiano(document.getElementById("piano"), link);
mountListen(document.getElementById("listen"), link);
link.open();
