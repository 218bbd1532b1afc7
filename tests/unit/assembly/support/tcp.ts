// Makes a test's module a build with TCP, as `--use WBOSON_TCP=1` does for the core's own:
// `isDefined(WBOSON_TCP)` finds this. Import it for that.

// @ts-ignore: decorator
@global
export const WBOSON_TCP: i32 = 1;
