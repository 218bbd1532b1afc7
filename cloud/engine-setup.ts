// From the options of a cloud to those of its DTLS server, with their defaults.

import { X509Certificate, randomBytes } from "node:crypto";
import type { LocalCloudOptions } from "./cloud-options";
import type { DeviceKey } from "./dtls/handshake";
import type { DtlsServerOptions } from "./dtls/server";
import { SessionReset, deriveResetKey } from "./dtls/session-reset";
import { SPKI_LENGTH } from "./keys";
import type { KeyPair } from "./keys";
import type { Registry } from "./registry";
import { MAX_SZX } from "./resources/blockwise";
import type { TcpServerOptions } from "./tcp/server";

/** @throws Error for options that make no sense */
export function dtlsServerOptions(
  options: LocalCloudOptions,
  registry: Registry,
  log: (level: "info" | "warn", message: string) => void,
): DtlsServerOptions {
  const { keyPair, certificate, psk } = options;
  if (certificate) checkCertificate(certificate, keyPair);
  return {
    keyPair,
    certificate,
    random: options.random ?? randomBytes,
    findDevice: (spki) => (spki.length === SPKI_LENGTH ? registry.findByKey(spki)?.id : undefined),
    findPsk: psk && ((identity) => findPsk(identity, psk, registry, log)),
    sessionIds: options.sessionIds ?? true,
    connectionIdLength: options.connectionIdLength ?? 8,
    cookies: options.cookies ?? true,
    resumptionCookies: options.resumptionCookies ?? "new-host",
    flightTimeoutMs: options.flightTimeoutMs ?? 9000,
    handshakeLifetimeMs: options.handshakeLifetimeMs ?? 120_000,
    maxHandshakes: options.maxHandshakes ?? 256,
    reset:
      (options.resetTokens ?? true)
        ? new SessionReset(options.resetKey ?? deriveResetKey(keyPair))
        : undefined,
  };
}

/** @returns undefined when the cloud takes no TCP connections */
export function tcpServerOptions(
  { tcp, random = randomBytes }: LocalCloudOptions,
  registry: Registry,
): TcpServerOptions | undefined {
  if (!tcp) return undefined;
  return {
    handshakeTimeoutMs: 30_000,
    frameTimeoutMs: 20_000,
    idleTimeoutMs: 90_000,
    maxConnections: 1024,
    maxHandshakes: 64,
    maxQueuedBytes: 65_536,
    ...tcp,
    registry,
    random,
  };
}

/** The SZX of a block size (RFC 7959 §2.2). @throws Error when there is none */
export function szxOf(blockSize: number): number {
  const szx = Math.log2(blockSize) - 4;
  if (!Number.isInteger(szx) || szx < 0 || szx > MAX_SZX)
    throw new Error(`block size ${blockSize}`);
  return szx;
}

/** The key of an identity, if it belongs to a registered device. */
function findPsk(
  identity: Buffer,
  psk: NonNullable<LocalCloudOptions["psk"]>,
  registry: Registry,
  log: (level: "warn", message: string) => void,
): DeviceKey | undefined {
  try {
    const found = psk(identity);
    if (!found || found.key.length === 0) return undefined;
    const id = found.deviceId ?? identity.toString(identity.length === 12 ? "hex" : "latin1");
    const device = registry.find(id);
    if (!device) log("warn", `the PSK of device ${JSON.stringify(id)}, which is not registered`);
    return device && { key: Buffer.from(found.key), deviceId: device.id };
  } catch (error) {
    log("warn", `the PSK callback failed: ${(error as Error).message}`);
    return undefined;
  }
}

function checkCertificate(certificate: Uint8Array[], keyPair: KeyPair): void {
  if (certificate.length === 0) throw new Error("an empty list of certificates");
  const { publicKey } = new X509Certificate(Buffer.from(certificate[0]));
  const spki = publicKey.export({ type: "spki", format: "der" });
  if (!spki.equals(keyPair.spki)) throw new Error("the certificate is for another key");
}
