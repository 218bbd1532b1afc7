// Makes a test's module a build with updates, as `--use WBOSON_QUEUE=1 --use WBOSON_OTA=1` does for
// the core's own. Import it for that.

// @ts-ignore: decorator
@global
export const WBOSON_QUEUE: i32 = 1;
// @ts-ignore: decorator
@global
export const WBOSON_OTA: i32 = 1;
