// Makes a test's module a build with the `standard` profile, as `--use WBOSON_STANDARD=1` does for
// the core's own: `isDefined(WBOSON_STANDARD)` finds this. Import it for that.

// @ts-ignore: decorator
@global
export const WBOSON_STANDARD: i32 = 1;
