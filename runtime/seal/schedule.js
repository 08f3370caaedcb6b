// Schedules (docs/schedule.md) of both forms as one object; layouts; ops in clear slots. No library of homomorphic encryption is known here.
'use strict';
const fs = require('fs');
const path = require('path');

// '40+q2-2*q1' to {bits: 40, powers: {2: 1, 1: -2}}; `q` alone is q at `level`.
function readScale(text, level) {
  const scale = { bits: 0, powers: {} };
  for (const term of text.match(/[+-]?[^+-]+/g)) {
    const [, sign, count, prime] = /^([+-]?)(?:(\d+)\*?)?(?:q(\d*))?$/.exec(term);
    const number = Number(sign + (count || 1));
    if (prime === undefined) scale.bits += number;
    else scale.powers[prime || level] = (scale.powers[prime || level] || 0) + number;
  }
  return scale;
}

const numbers = text => text === '-' ? [] : text.split(',').map(word => word === 'conj' ? word : Number(word));

// The words behind `dims`, as JSON has them.
function readLayout(words) {
  const layout = { dims: [], slots: [], ciphertexts: [], rolls: [], tail: 'zero' };
  if (words[1] !== '-') layout.dims = words[1].split(',').map(dim => [dim.split('=')[0], Number(dim.split('=')[1])]);
  let digits = layout.slots;
  for (let k = 3; k < words.length; k++) {
    if (words[k] === '|') digits = layout.ciphertexts;
    else if (words[k] === 'tail') layout.tail = words[++k];
    else if (words[k] === 'roll') {
      const terms = words[k + 5].split(',').map(term => term.split('*d').map(Number));
      const constant = terms.filter(term => term.length === 1).reduce((sum, term) => sum + term[0], 0);
      layout.rolls.push([words[k + 1], Number(words[k + 3]), constant, ...terms.filter(term => term.length === 2)]);
      k += 5;
    } else {
      const [, name, radix, stride] = /^(.+)%(\d+)(?:\*(\d+))?$/.exec(words[k]);
      digits.push([name, Number(radix), Number(stride || 1)]);
    }
  }
  return layout;
}

// One line of the text, added to what JSON would have given.
function readLine(schedule, words) {
  const [first, second] = words;
  const after = name => words[words.indexOf(name) + 1];
  const dims = words.indexOf('dims');
  if (first === 'hesched') schedule.hesched = Number(second);
  else if (first === 'program')
    schedule.program = { name: second, slots: Number(after('slots')), levels: Number(after('levels')), scale: Number(after('scale')) };
  else if (first === 'ring') schedule.ring = { N: Number(after('N')), bits: numbers(after('bits')), security: Number(after('security')) };
  else if (first === 'rotdir') schedule.rotdir = second;
  else if (first === 'keys') schedule.keys = numbers(second);
  else if (first === 'relin') schedule.relin = Number(second);
  else if (first === 'sidecar') schedule.sidecar = { file: second, doubles: Number(after('doubles')), crc32: after('crc32') };
  else if (first === 'input') schedule.inputs.push({ name: second, ...readLayout(words.slice(dims)) });
  else if (first === 'output') schedule.outputs.push({ name: second, values: words.slice(2, dims), ...readLayout(words.slice(dims)) });
  else if (first === 'const' && words[2] === 'file') schedule.consts.push([second, 'file', Number(after('offset')), Number(after('len'))]);
  else if (first === 'const') schedule.consts.push([second, 'rle', ...words[3].split(',').map(run => run.split('x').map(Number))]);
  else if (first === 'hoist') schedule.ops.push(['hoist', second, ...numbers(words[2])]);
  else if (first === 'end') schedule.end = Object.fromEntries(words.slice(1).flatMap((word, k, all) => k % 2 ? [] : [[word, Number(all[k + 1])]]));
  else schedule.ops.push([first, words[2], ...words.slice(3).filter(word => !['at', 'level', 'scale'].includes(word))]);
}

function parse(text) {
  if (text.trimStart().startsWith('{')) return JSON.parse(text);
  const schedule = { inputs: [], outputs: [], consts: [], ops: [] };
  for (const line of text.split('\n')) {
    const words = line.replace(/#.*/, '').split(/\s+/).filter(word => word);
    if (words.length) readLine(schedule, words);
  }
  return schedule;
}

function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc >>> 1 ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (~crc >>> 0).toString(16).padStart(8, '0');
}

function readConstants(schedule, folder) {
  const constants = {};
  let data;
  if (schedule.sidecar) {
    const bytes = fs.readFileSync(path.join(folder, path.basename(schedule.sidecar.file)));
    if (bytes.length !== 8 * schedule.sidecar.doubles || crc32(bytes) !== schedule.sidecar.crc32)
      throw new Error(`${schedule.sidecar.file} is not the file this schedule was written with`);
    data = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  }
  for (const [name, kind, ...rest] of schedule.consts)
    constants[name] = kind === 'file' ? data.subarray(rest[0], rest[0] + rest[1])
      : Float64Array.from(rest.flatMap(([number, count]) => Array(count).fill(number)));
  return constants;
}

// Ops as objects: {value, op, operands, step, constant, factor, level, scale}.
function readOp([value, op, ...rest]) {
  const level = Number(rest[rest.length - 2]);
  const words = rest.slice(0, -2);
  const made = { value, op, operands: [], level, scale: readScale(String(rest[rest.length - 1]), level) };
  if (op === 'mulp') made.factor = readScale(String(words.pop()), level);
  if (['known', 'addp', 'subp', 'mulp'].includes(op)) made.constant = words.pop();
  if (op === 'rot') made.step = Number(words.pop());
  made.operands = words;
  return made;
}

function load(file) {
  const schedule = parse(fs.readFileSync(file, 'utf8'));
  if (schedule.hesched !== 1 || schedule.rotdir !== 'left') throw new Error('not a schedule of version 1');
  schedule.constants = readConstants(schedule, path.dirname(file));
  schedule.ops = schedule.ops.filter(op => op[0] !== 'hoist').map(readOp);
  return schedule;
}

const product = digits => digits.reduce((all, digit) => all * digit[1], 1);
const ciphertexts = port => product(port.ciphertexts || []);
const shape = port => port.dims.map(dim => dim[1]);

// The element (row-major) at a slot of a ciphertext; -1 zero, -2 anything.
function elementAt(port, slot, ciphertext) {
  const index = Object.fromEntries(port.dims.map(dim => [dim[0], 0])), values = [];
  const outside = port.tail === 'garbage' ? -2 : -1;
  let zero = false, garbage = false, rest = slot;
  for (const [digits, next] of [[port.slots, ciphertext], [port.ciphertexts || [], 0]]) {
    for (const [name, radix, stride] of digits) {
      const value = rest % radix;
      rest = Math.floor(rest / radix);
      values.push(value);
      if (name in index) index[name] += value * (stride || 1);
      zero ||= name === '0' && value > 0;
      garbage ||= name === '-' && value > 0;
    }
    if (rest) return outside;
    rest = next;
  }
  for (const [name, modulus, constant, ...terms] of port.rolls || []) {
    const moved = terms.reduce((sum, [factor, digit]) => sum + factor * values[digit], index[name] + constant);
    index[name] = ((moved % modulus) + modulus) % modulus;
  }
  if (garbage) return -2;
  if (zero) return -1;
  if (port.dims.some(([name, extent]) => index[name] >= extent)) return outside;
  return port.dims.reduce((element, [name, extent]) => element * extent + index[name], 0);
}

function pack(port, tensor, slots, ciphertext) {
  return Float64Array.from({ length: slots }, (_, slot) => {
    const element = elementAt(port, slot, ciphertext);
    return element >= 0 ? tensor[element] : element === -2 ? Math.sin(1 + slot + 7 * ciphertext) : 0;
  });
}

// `vectors`, one a ciphertext, to the tensor.
function unpack(port, vectors, slots) {
  const tensor = new Float64Array(shape(port).reduce((all, extent) => all * extent, 1)).fill(NaN);
  vectors.forEach((vector, ciphertext) => {
    for (let slot = 0; slot < slots; slot++) {
      const element = elementAt(port, slot, ciphertext);
      if (element >= 0 && Number.isNaN(tensor[element])) tensor[element] = vector[slot];
    }
  });
  return tensor;
}

const clear = {
  known: (slots, op, c) => Float64Array.from({ length: slots }, (_, s) => c[s % c.length]),
  rot: (slots, op, a) => a.map((_, s) => a[(s + op.step + slots) % slots]),
  neg: (slots, op, a) => a.map(x => -x),
  add: (slots, op, a, b) => a.map((x, s) => x + b[s]),
  sub: (slots, op, a, b) => a.map((x, s) => x - b[s]),
  addp: (slots, op, a, c) => a.map((x, s) => x + c[s % c.length]),
  subp: (slots, op, a, c) => a.map((x, s) => x - c[s % c.length]),
  mulp: (slots, op, a, c) => a.map((x, s) => x * c[s % c.length]),
  mul: (slots, op, a, b) => a.map((x, s) => x * b[s]),
  square: (slots, op, a) => a.map(x => x * x),
};
for (const same of ['conj', 'relin', 'rescale', 'drop']) clear[same] = (slots, op, a) => a;

module.exports = { load, ciphertexts, shape, pack, unpack, clear };
