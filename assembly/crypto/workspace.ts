// The one scratch area that the operations of this layer share; no two of them run at once, and each
// wipes what it leaves behind that is secret. Fields are 36 bytes, points three fields and 4 bytes
// of padding.
//
//              ECDH, keys          sign                        verify               PRF
//      0  ACCUMULATOR  running point (112)                                          two MAC
//    112  SELECTED     table entry of this step (112)                               states and
//    224  DOUBLE       2P (112)    -                           2Q                   two blocks
//    336  TABLE        P, 3P ...   powers for the inverse 576, Q, 3Q ... 15Q (896)  (336)
//                      15P (896)   then the nonce generator 320
//   1232  TEMPORARY    six field temporaries of the point formulas (216)
//   1448  DIGITS       odd scalar of the comb or the windows (36)
//   1488  SCALARS      the scalar  four scalars (144)          four scalars (144)
//   1632  NAF          -           -                           digits of u2 (264)
//
// montgomery.ts, rsa.ts and hmac-sha1.ts, in builds with TCP, say themselves where theirs is.

import { TCP } from "../config";

/** Bytes of the workspace. */
export const WORKSPACE_SIZE: i32 = TCP ? 3024 : 1896;
export const WORKSPACE: usize = memory.data(TCP ? 3024 : 1896, 8);

// @ts-ignore: decorator
@inline
export const ACCUMULATOR: usize = WORKSPACE;
// @ts-ignore: decorator
@inline
export const SELECTED: usize = WORKSPACE + 112;
// @ts-ignore: decorator
@inline
export const DOUBLE: usize = WORKSPACE + 224;
// @ts-ignore: decorator
@inline
export const TABLE: usize = WORKSPACE + 336;
// @ts-ignore: decorator
@inline
export const NONCE: usize = WORKSPACE + 912;
// @ts-ignore: decorator
@inline
export const TEMPORARY: usize = WORKSPACE + 1232;
// @ts-ignore: decorator
@inline
export const DIGITS: usize = WORKSPACE + 1448;
// @ts-ignore: decorator
@inline
export const SCALARS: usize = WORKSPACE + 1488;
// @ts-ignore: decorator
@inline
export const NAF: usize = WORKSPACE + 1632;
