// The command `boson`: the local cloud's own commands, and those that need more than the cloud.

import { program, run } from "../../cloud/cli/main";
import { buildCommand } from "./build";
import { deviceCommand } from "./device";
import { newCommand } from "./new";
import { rollbackCommand } from "./rollback";
import { signCommands } from "./sign";
import { updateKeysCommand } from "./update-keys";

deviceCommand(program);
newCommand(program);
buildCommand(program);
signCommands(program);
rollbackCommand(program);
updateKeysCommand(program);
run();
