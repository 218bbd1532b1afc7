// The files and fields of a multipart/form-data request (RFC 7578).

import type { FastifyRequest } from "fastify";
import { ApiError, badRequest } from "./errors";

export interface Upload {
  files: { field: string; filename: string; data: Buffer }[];
  fields: Map<string, string>;
}

/** Read an upload as a whole, within the limits that the server has set. @throws ApiError 400, 413 */
export async function receiveUpload(request: FastifyRequest): Promise<Upload> {
  try {
    return await receiveParts(request);
  } catch (error) {
    // The parser's own errors: without a boundary, or cut short.
    const known = error instanceof ApiError || (error as { statusCode?: number }).statusCode;
    throw known ? error : badRequest(`bad upload: ${(error as Error).message}`);
  }
}

async function receiveParts(request: FastifyRequest): Promise<Upload> {
  const upload: Upload = { files: [], fields: new Map() };
  let length = 0;
  const { uploadLength } = request.server.uploadLimits;
  for await (const part of request.parts()) {
    if (part.type === "field") {
      upload.fields.set(part.fieldname, String(part.value));
      continue;
    }
    const pieces: Buffer[] = [];
    for await (const piece of part.file as AsyncIterable<Buffer>) {
      length += piece.length;
      // What is too much is read, too, but not kept.
      if (length <= uploadLength) pieces.push(piece);
    }
    if (length > uploadLength || part.file.truncated) throw tooLarge(uploadLength);
    const data = Buffer.concat(pieces);
    upload.files.push({ field: part.fieldname, filename: part.filename, data });
  }
  return upload;
}

function tooLarge(limit: number): ApiError {
  const error = `Upload above ${limit} bytes`;
  return new ApiError(413, { ok: false, error, errors: [error], reason: "too-large" });
}
