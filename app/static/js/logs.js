// The page of log lines.

import { holdRefresh } from "./hold_refresh.js";

holdRefresh("#log-page", "#log-lines details[open]", 200);
