#!/usr/bin/env node
// run.js SCHEDULE NAME=x.npy ... [-o [NAME=]y.npy ...] [--each] [--json]
//
// Runs a schedule (docs/schedule.md) on real CKKS: encrypts the inputs, computes, decrypts. Reports the error against the same ops in clear
// slots, and the time of each kind of op. Levels, scales and keys are those the schedule says, or it stops: a rotation without a declared key,
// which SEAL would silently make of two others, a scale that is not the library's own, a transparent result. --each decrypts every value, too,
// and reports the largest error of each kind of op.
'use strict';
const schedules = require('./schedule.js');
const npy = require('./npy.js');

class Executor {
  constructor(seal, schedule) {
    this.seal = seal;
    this.schedule = schedule;
    this.slots = schedule.program.slots;
    this.times = {};
    this.errors = {};
    this.makeContext(schedule.ring);
    this.timed('keys', () => this.makeKeys());
  }

  makeContext(ring) {
    const { seal } = this;
    if (!ring) throw new Error('the schedule names no ring');
    const parms = seal.EncryptionParameters(seal.SchemeType.ckks);
    parms.setPolyModulusDegree(ring.N);
    parms.setCoeffModulus(seal.CoeffModulus.Create(ring.N, Int32Array.from(ring.bits)));
    const levels = { 128: seal.SecurityLevel.tc128, 192: seal.SecurityLevel.tc192, 256: seal.SecurityLevel.tc256 };
    this.context = seal.Context(parms, true, levels[ring.security] || seal.SecurityLevel.none);
    if (!this.context.parametersSet()) throw new Error(`SEAL refuses N ${ring.N} with primes of ${ring.bits} bits at security ${ring.security}`);
    this.parmsIds = [];
    for (let data = this.context.firstContextData; data; data = data.nextContextData) {
      if (!this.primes) this.primes = Array.from(data.parms.coeffModulus, Number); // q_k is primes[k]; doubles, as SEAL's scales are
      this.parmsIds[data.chainIndex] = data.parmsId;
      if (data.chainIndex === 0) break;
    }
    this.encoder = seal.CKKSEncoder(this.context);
    this.evaluator = seal.Evaluator(this.context);
  }

  makeKeys() {
    const { seal, schedule, context } = this;
    const generator = seal.KeyGenerator(context);
    this.steps = new Set(schedule.keys);
    this.encryptor = seal.Encryptor(context, generator.createPublicKey());
    this.decryptor = seal.Decryptor(context, generator.secretKey());
    if (schedule.keys.length) // step 0 is SEAL's word for the conjugation; a step counts in the N / 2 slots of the ring
      this.galois = generator.createGaloisKeys(Int32Array.from(schedule.keys, step => step === 'conj' ? 0 : step));
    if (schedule.relin) this.relin = generator.createRelinKeys();
  }

  timed(kind, work) {
    const start = process.hrtime.bigint();
    const result = work();
    (this.times[kind] ||= []).push(Number(process.hrtime.bigint() - start) / 1e6);
    return result;
  }

  number(scale) {
    return Object.entries(scale.powers).reduce((all, [level, power]) => all * this.primes[level] ** power, 2 ** scale.bits);
  }

  // A vector of S numbers, or a constant of any period, in all slots of the ring.
  encode(vector, scale, level) {
    const all = Float64Array.from({ length: this.encoder.slotCount }, (_, slot) => vector[slot % vector.length]);
    const plain = this.timed('encode', () => this.encoder.encode(all, scale));
    if (level === this.schedule.program.levels) return plain;
    const lower = this.evaluator.plainModSwitchTo(plain, this.parmsIds[level]);
    plain.delete();
    return lower;
  }

  encrypt(vector) {
    const plain = this.encode(vector, 2 ** this.schedule.program.scale, this.schedule.program.levels);
    const cipher = this.timed('encrypt', () => this.encryptor.encrypt(plain));
    plain.delete();
    return cipher;
  }

  decrypt(cipher) {
    const plain = this.timed('decrypt', () => this.decryptor.decrypt(cipher));
    const vector = this.encoder.decode(plain).slice(0, this.slots);
    plain.delete();
    return vector;
  }

  requireKey(op) {
    const key = op.op === 'conj' ? 'conj' : op.step;
    const element = op.op === 'conj' ? 2 * this.schedule.ring.N - 1 : this.galoisElement(op.step);
    if (!this.steps.has(key) || !this.galois.hasKey(element)) throw new Error(`${op.value}: ${op.op} ${op.step ?? ''} has no declared key`);
  }

  // 3^step mod 2N
  galoisElement(step) {
    const modulus = 2n * BigInt(this.schedule.ring.N);
    let element = 1n;
    for (let k = (step + this.encoder.slotCount) % this.encoder.slotCount; k > 0; k--) element = element * 3n % modulus;
    return Number(element);
  }

  // The op on ciphertexts.
  apply(op, [a, b]) {
    const { evaluator } = this;
    if (op.constant !== undefined) {
      const scale = op.op === 'mulp' ? this.number(op.factor) : a.scale;
      const plain = this.encode(this.schedule.constants[op.constant], scale, op.level);
      const method = { addp: 'addPlain', subp: 'subPlain', mulp: 'multiplyPlain' }[op.op];
      const result = this.timed(op.op, () => evaluator[method](a, plain));
      plain.delete();
      return result;
    }
    if (op.op === 'rot' || op.op === 'conj') this.requireKey(op);
    const methods = {
      rot: () => evaluator.rotateVector(a, op.step, this.galois),
      conj: () => evaluator.complexConjugate(a, this.galois),
      neg: () => evaluator.negate(a),
      add: () => evaluator.add(a, b),
      sub: () => evaluator.sub(a, b),
      mul: () => evaluator.multiply(a, b),
      square: () => evaluator.square(a),
      relin: () => evaluator.relinearize(a, this.relin),
      rescale: () => evaluator.rescaleToNext(a),
      drop: () => evaluator.cipherModSwitchTo(a, this.parmsIds[op.level]),
    };
    return this.timed(op.op, methods[op.op]);
  }

  // Is the result what the schedule says? Then its scale is set to the symbol's number, so that equal symbols are equal to the last bit.
  check(op, cipher) {
    const scale = this.number(op.scale);
    const level = this.context.getContextData(cipher.parmsId).chainIndex;
    if (level !== op.level) throw new Error(`${op.value}: level ${level}, not ${op.level}`);
    if (!(Math.abs(cipher.scale / scale - 1) < 1e-9)) throw new Error(`${op.value}: scale ${cipher.scale}, not ${scale}`);
    if (cipher.isTransparent) throw new Error(`${op.value}: transparent`);
    cipher.setScale(scale);
  }

  run(tensors) {
    const { schedule, slots } = this;
    const ciphers = {}, vectors = {}, lastUse = {};
    for (const port of schedule.inputs)
      for (let k = 0; k < schedules.ciphertexts(port); k++) {
        const name = schedules.ciphertexts(port) > 1 ? `${port.name}.${k}` : port.name;
        vectors[name] = schedules.pack(port, tensors[port.name], slots, k);
        ciphers[name] = this.encrypt(vectors[name]);
      }
    for (const op of schedule.ops) for (const name of op.operands) lastUse[name] = op.value;
    for (const port of schedule.outputs) for (const name of port.values) lastUse[name] = null;
    for (const op of schedule.ops) {
      const operands = op.operands.map(name => ciphers[name]);
      const clear = op.operands.map(name => vectors[name]);
      if (op.constant !== undefined) clear.push(schedule.constants[op.constant]);
      vectors[op.value] = schedules.clear[op.op](slots, op, ...clear);
      if (op.op === 'known') continue; // an output's numbers that depend on no input: there is no ciphertext
      ciphers[op.value] = this.apply(op, operands);
      this.check(op, ciphers[op.value]);
      if (this.each) this.compare(op.op, ciphers[op.value], vectors[op.value]);
      for (const name of new Set(op.operands))
        if (lastUse[name] === op.value) {
          ciphers[name].delete();
          delete ciphers[name], delete vectors[name];
        }
    }
    return schedule.outputs.map(port => ({
      port,
      encrypted: schedules.unpack(port, port.values.map(name => ciphers[name] ? this.decrypt(ciphers[name]) : vectors[name]), slots),
      clear: schedules.unpack(port, port.values.map(name => vectors[name]), slots),
    }));
  }

  compare(kind, cipher, vector) {
    const times = this.times;
    this.times = {}; // decryptions of this are no part of the schedule
    const found = this.decrypt(cipher);
    this.times = times;
    const error = vector.reduce((most, x, s) => Math.max(most, Math.abs(x - found[s])), 0);
    this.errors[kind] = Math.max(this.errors[kind] || 0, error);
  }
}

function report(executor, results, asJson) {
  const largest = (data, of) => data.reduce((most, x, k) => Math.max(most, Math.abs(of(x, k))), 0);
  const median = times => times.slice().sort((a, b) => a - b)[times.length >> 1];
  const made = {
    program: executor.schedule.program.name, N: executor.schedule.ring.N, bits: executor.schedule.ring.bits,
    outputs: results.map(({ port, encrypted, clear }) =>
      ({ name: port.name, error: largest(clear, (x, k) => x - encrypted[k]), largest: largest(clear, x => x) })),
    ops: Object.entries(executor.times).map(([op, times]) =>
      ({ op, count: times.length, median_ms: median(times), total_ms: times.reduce((sum, t) => sum + t, 0), error: executor.errors[op] })),
  };
  if (asJson) return console.log(JSON.stringify(made, null, 1));
  for (const { name, error, largest: most } of made.outputs) console.log(`${name}: error ${error.toExponential(2)}, largest ${most.toPrecision(3)}`);
  for (const { op, count, median_ms: each, total_ms: all, error } of made.ops)
    console.log(`${op.padEnd(8)} ${String(count).padStart(6)} x ${each.toFixed(2).padStart(8)} ms = ${all.toFixed(0).padStart(7)} ms` +
      (error === undefined ? '' : `, error ${error.toExponential(2)}`));
}

function readArguments(words) {
  const asked = { inputs: {}, outputs: [], flags: new Set() };
  for (let k = 0; k < words.length; k++) {
    if (words[k] === '-o') asked.outputs.push(words[++k]);
    else if (words[k].startsWith('--')) asked.flags.add(words[k]);
    else if (words[k].includes('=')) asked.inputs[words[k].split('=')[0]] = words[k].slice(words[k].indexOf('=') + 1);
    else asked.file = words[k];
  }
  if (!asked.file) throw new Error('usage: run.js SCHEDULE NAME=x.npy ... [-o [NAME=]y.npy ...] [--each] [--json]');
  return asked;
}

async function main() {
  const asked = readArguments(process.argv.slice(2));
  const schedule = schedules.load(asked.file);
  const tensors = {};
  for (const port of schedule.inputs) {
    if (!asked.inputs[port.name]) throw new Error(`input ${port.name} has no array`);
    const array = npy.read(asked.inputs[port.name]);
    if (array.shape.join() !== schedules.shape(port).join()) throw new Error(`${port.name} has shape [${schedules.shape(port)}]`);
    tensors[port.name] = array.data;
  }
  const executor = new Executor(await require('node-seal')(), schedule);
  executor.each = asked.flags.has('--each');
  const results = executor.run(tensors);
  for (const word of asked.outputs) {
    const name = word.includes('=') ? word.split('=')[0] : results[0].port.name;
    const result = results.find(({ port }) => port.name === name);
    if (!result) throw new Error(`there is no output ${name}`);
    npy.write(word.slice(word.indexOf('=') + 1), schedules.shape(result.port), result.encrypted);
  }
  report(executor, results, asked.flags.has('--json'));
}

main().catch(error => {
  console.error(`run.js: ${error.message || error}`);
  process.exit(1);
});
