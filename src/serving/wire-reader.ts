import { ModelOutputError } from '../core/errors.js';

/** How a field travels (protobuf encoding, wire types). */
export const WireType = { VARINT: 0, FIXED64: 1, DELIMITED: 2, FIXED32: 5 } as const;

const FIXED_BYTES: Readonly<Partial<Record<number, number>>> = { [WireType.FIXED64]: 8, [WireType.FIXED32]: 4 };
const MAX_VARINT_BYTES = 10;
const MAX_FIELD_NUMBER = 2 ** 29 - 1;

/** Reads a protobuf message field by field, without copying and without taking its word for any length.
 *
 * Every method throws {@link ModelOutputError} where the bytes are no message. */
export class WireReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  /** Of the field that was read last. */
  field = 0;
  wireType = 0;
  /** Lower and upper half of the varint that was read last. */
  low = 0;
  high = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Goes on to the next field: `field` and `wireType` are its own.
   * @returns whether there is one */
  next(): boolean {
    if (this.#at >= this.#bytes.length) return false;
    this.readVarint();
    this.field = (this.high * 2 ** 29 + (this.low >>> 3)) >>> 0;
    this.wireType = this.low & 7;
    if (this.high !== 0 || this.field === 0 || this.field > MAX_FIELD_NUMBER) throw new ModelOutputError('a field has no valid number');
    return true;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** Bytes read so far. */
  get position(): number {
    return this.#at;
  }

  /** Reads a varint of at most 64 bits into `low` and `high`. */
  readVarint(): void {
    let low = 0;
    let high = 0;
    for (let index = 0; index < MAX_VARINT_BYTES; index += 1) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw new ModelOutputError('it ends in the middle of a number');
      this.#at += 1;
      const shift = index * 7;
      const bits = byte & 0x7f;
      if (shift < 32) low |= bits << shift;
      if (shift > 25) high |= shift < 32 ? bits >>> (32 - shift) : bits << (shift - 32);
      if (byte < 0x80) {
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    throw new ModelOutputError('a number has more than 64 bits');
  }

  /** The varint that was read last as a signed whole number; beyond 2^53 it is no longer exact. */
  get signed(): number {
    return (this.high | 0) * 2 ** 32 + this.low;
  }

  /** The bytes of a field of wire type 2; a view. */
  delimited(): Uint8Array {
    this.readVarint();
    if (this.high !== 0) throw new ModelOutputError('a field is longer than its message');
    return this.take(this.low);
  }

  /** The next so many bytes; a view. */
  take(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#at) throw new ModelOutputError('a field is longer than its message');
    const view = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return view;
  }

  /** Passes over the value of the field that was read last. */
  skip(): void {
    const fixedBytes = FIXED_BYTES[this.wireType];
    if (this.wireType === WireType.VARINT) this.readVarint();
    else if (this.wireType === WireType.DELIMITED) this.delimited();
    else if (fixedBytes !== undefined) this.take(fixedBytes);
    else throw new ModelOutputError(`a field has the wire type ${String(this.wireType)}`);
  }
}
