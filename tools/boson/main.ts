// The command `boson`: the local cloud's own commands, and those that need more than the cloud.

import { program, run } from "../../cloud/cli/main";
import { deviceCommand } from "./device";

deviceCommand(program);
run();
