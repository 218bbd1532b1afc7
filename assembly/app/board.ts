// Pins, analogue inputs, serial port and I2C of the board, through one import that a board may lack:
// then every call answers Status.NotSupported. Applications that use none of it do not import it.

import { Status } from "../status";
import { encodeText } from "./text";

/** Numbers of `boardCall`. Part of the host interface. */
export const enum BoardFunction {
  /** a: pin, b: PinMode */
  PinMode = 1,
  /** a: pin, b: 0 or 1 */
  DigitalWrite = 2,
  /** a: pin; answers 0 or 1 */
  DigitalRead = 3,
  /** a: pin, b: 0...255 */
  AnalogWrite = 4,
  /** a: pin; answers 0...4095 */
  AnalogRead = 5,
  /** a: port, b: bits a second */
  SerialBegin = 6,
  /** a: port; data; answers how many were taken */
  SerialWrite = 7,
  /** a: port; data; answers how many were read */
  SerialRead = 8,
  /** a: address of 7 bits; data; answers how many were taken */
  I2cWrite = 9,
  /** a: address of 7 bits; data; answers how many were read */
  I2cRead = 10,
}

export const enum PinMode {
  Input = 0,
  Output = 1,
  InputPullUp = 2,
  InputPullDown = 3,
}

/**
 * Use the board.
 * @param data [in,out] `length` bytes; 0 for none
 * @returns 0 or more; Status.NotSupported; Status.InvalidArgument; Status.HostFailure
 */
// @ts-ignore: decorator
@external("board", "call")
declare function boardCall(number: i32, a: i32, b: i32, data: usize, length: i32): i32;

/** @param mode PinMode @returns Status.Ok; Status.NotSupported; Status.InvalidArgument */
export function pinMode(pin: i32, mode: i32): i32 {
  return boardCall(BoardFunction.PinMode, pin, mode, 0, 0);
}

/** @returns Status.Ok; Status.NotSupported; Status.InvalidArgument */
export function digitalWrite(pin: i32, value: i32): i32 {
  return boardCall(BoardFunction.DigitalWrite, pin, value ? 1 : 0, 0, 0);
}

/** @returns 0 or 1; Status.NotSupported; Status.InvalidArgument */
export function digitalRead(pin: i32): i32 {
  return boardCall(BoardFunction.DigitalRead, pin, 0, 0, 0);
}

/** @param value 0...255 @returns Status.Ok; Status.NotSupported; Status.InvalidArgument */
export function analogWrite(pin: i32, value: i32): i32 {
  if (value < 0 || value > 255) return Status.InvalidArgument;
  return boardCall(BoardFunction.AnalogWrite, pin, value, 0, 0);
}

/** @returns 0...4095; Status.NotSupported; Status.InvalidArgument */
export function analogRead(pin: i32): i32 {
  return boardCall(BoardFunction.AnalogRead, pin, 0, 0, 0);
}

/** A serial port of the board. */
export class SerialPort {
  constructor(private port: i32) {}

  /** @param rate bits a second @returns Status.Ok; Status.NotSupported; Status.InvalidArgument */
  begin(rate: i32): i32 {
    return boardCall(BoardFunction.SerialBegin, this.port, rate, 0, 0);
  }

  /** @returns bytes taken; Status.NotSupported */
  write(data: Uint8Array): i32 {
    return boardCall(BoardFunction.SerialWrite, this.port, 0, data.dataStart, data.length);
  }

  /** @returns bytes taken; Status.NotSupported */
  print(text: string): i32 {
    const bytes = encodeText(text);
    const at = changetype<usize>(bytes);
    return boardCall(BoardFunction.SerialWrite, this.port, 0, at, bytes.byteLength);
  }

  println(text: string): i32 {
    return this.print(text + "\r\n");
  }

  /** Fill `data` from the start. @returns bytes read; Status.NotSupported */
  read(data: Uint8Array): i32 {
    return boardCall(BoardFunction.SerialRead, this.port, 0, data.dataStart, data.length);
  }
}

/** The board's I2C bus, as its master. */
export class I2C {
  /** @param address 7 bits @returns bytes taken; Status.NotSupported; Status.HostFailure (no ACK) */
  static write(address: i32, data: Uint8Array): i32 {
    return boardCall(BoardFunction.I2cWrite, address, 0, data.dataStart, data.length);
  }

  /** @param address 7 bits @returns bytes read; Status.NotSupported; Status.HostFailure (no ACK) */
  static read(address: i32, data: Uint8Array): i32 {
    return boardCall(BoardFunction.I2cRead, address, 0, data.dataStart, data.length);
  }
}
