// Real arrays in .npy files, C order, little-endian.
'use strict';
const fs = require('fs');

const kinds = { '<f8': Float64Array, '<f4': Float32Array, '<i4': Int32Array, '<i8': BigInt64Array, '|u1': Uint8Array, '|i1': Int8Array };

function read(file) {
  const bytes = fs.readFileSync(file);
  const head = bytes[6] === 1 ? 10 : 12;
  const data = head + (bytes[6] === 1 ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8));
  const header = bytes.toString('latin1', head, data);
  const kind = kinds[/'descr': *'([^']+)'/.exec(header)?.[1]];
  if (bytes.toString('latin1', 1, 6) !== 'NUMPY' || !kind || !/'fortran_order': *False/.test(header))
    throw new Error(`${file}: not an array of real numbers in C order`);
  const shape = /'shape': *\(([^)]*)\)/.exec(header)[1].split(',').filter(word => word.trim()).map(Number);
  return { shape, data: Float64Array.from(new kind(bytes.buffer.slice(bytes.byteOffset + data, bytes.byteOffset + bytes.length)), Number) };
}

function write(file, shape, data) {
  let header = `{'descr': '<f8', 'fortran_order': False, 'shape': (${shape.map(extent => extent + ',').join(' ')}), }`;
  header += ' '.repeat(63 - (10 + header.length) % 64) + '\n';
  const head = Buffer.from('\x93NUMPY\x01\x00\x00\x00' + header, 'latin1');
  head.writeUInt16LE(header.length, 8);
  fs.writeFileSync(file, Buffer.concat([head, Buffer.from(data.buffer, data.byteOffset, data.byteLength)]));
}

module.exports = { read, write };
