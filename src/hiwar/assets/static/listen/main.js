/* The script of a conversation's page: the room while it is to come or on air, the replay afterwards. */

import { startReplay } from "./replay.js";
import { Room } from "./room.js";

const data = JSON.parse(document.getElementById("page-data").textContent);
if (data.phase === "ended") startReplay(data);
else new Room(data).begin();
