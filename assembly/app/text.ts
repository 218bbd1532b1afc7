// UTF-8 of the application interface, to and from the compiler's UTF-16. The standard library does the
// same in three times the code. A surrogate without its pair is encoded as it is.

/** Extra bytes of a character: 0...3. */
function extraBytes(code: u32): i32 {
  if (code < 0x80) return 0;
  if (code < 0x800) return 1;
  return code < 0x10000 ? 2 : 3;
}

/** UTF-8 of a text. */
export function encodeText(text: string): ArrayBuffer {
  let at = changetype<usize>(text);
  const end = at + ((<usize>text.length) << 1);
  // Three bytes for two at most; what is left over is given back.
  const bytes = __new(end - at + <usize>text.length, idof<ArrayBuffer>());
  let out = bytes;
  while (at < end) {
    let code = <u32>load<u16>(at);
    at += 2;
    if ((code & 0xfc00) == 0xd800 && at < end && ((<u32>load<u16>(at)) & 0xfc00) == 0xdc00) {
      code = 0x10000 + ((code & 0x3ff) << 10) + ((<u32>load<u16>(at)) & 0x3ff);
      at += 2;
    }
    let extra = extraBytes(code);
    store<u8>(out, extra ? (0xff80 >>> extra) | (code >>> (6 * extra)) : code);
    out += 1;
    while (extra--) {
      store<u8>(out, 0x80 | ((code >>> (6 * extra)) & 0x3f));
      out += 1;
    }
  }
  return changetype<ArrayBuffer>(__renew(bytes, out - bytes));
}

/** Text of `length` bytes. Bytes that are no UTF-8 become some character; none is read behind the end. */
export function decodeText(bytes: usize, length: i32): string {
  const end = bytes + <usize>length;
  const text = __new((<usize>length) << 1, idof<string>());
  let out = text;
  let at = bytes;
  while (at < end) {
    let code = <u32>load<u8>(at);
    at += 1;
    if (code >= 0xc0) {
      let extra = code < 0xe0 ? 1 : code < 0xf0 ? 2 : 3;
      code &= 0x3f >>> extra;
      while (extra-- && at < end) {
        code = (code << 6) | ((<u32>load<u8>(at)) & 0x3f);
        at += 1;
      }
    }
    if (code > 0xffff) {
      store<u16>(out, 0xd7c0 + (code >>> 10));
      out += 2;
      code = 0xdc00 | (code & 0x3ff);
    }
    store<u16>(out, code);
    out += 2;
  }
  return changetype<string>(__renew(text, out - text));
}
