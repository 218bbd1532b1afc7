// The same with TCP beside UDP: `--use WBOSON_TCP=1`, too.

export * from "./ota";
export { handle_stream, set_transport } from "./tcp";
