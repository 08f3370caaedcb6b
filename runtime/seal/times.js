#!/usr/bin/env node
// times.js [-o FILE] [--rounds=9] [N:LEVELS ...]
//
// Measures what each op of a schedule (docs/schedule.md) takes on this machine, at each level of rings of degree N with so many levels of 40 bits, and
// writes the table that `einc build --cost=latency --times=FILE` reads: milliseconds, the least of the rounds, which other work on the machine disturbs the
// least. Without rings 8192:2 and 16384:6.
'use strict';
const fs = require('fs');

const OUTER_BITS = 60, SCALE_BITS = 40;

function readArguments(words) {
  const asked = { rounds: 9, rings: [] };
  for (let k = 0; k < words.length; k++) {
    const ring = /^(\d+):(\d+)$/.exec(words[k]);
    if (words[k] === '-o') asked.output = words[++k];
    else if (words[k].startsWith('--rounds=')) asked.rounds = Number(words[k].slice(9));
    else if (ring) asked.rings.push([Number(ring[1]), Number(ring[2])]);
    else throw new Error('usage: times.js [-o FILE] [--rounds=9] [N:LEVELS ...]');
  }
  if (!asked.rings.length) asked.rings = [[8192, 2], [16384, 6]];
  return asked;
}

function makeRing(seal, degree, levels) {
  const parms = seal.EncryptionParameters(seal.SchemeType.ckks);
  parms.setPolyModulusDegree(degree);
  parms.setCoeffModulus(seal.CoeffModulus.Create(degree, Int32Array.from([OUTER_BITS, ...Array(levels).fill(SCALE_BITS), OUTER_BITS])));
  const context = seal.Context(parms, true, seal.SecurityLevel.tc128);
  if (!context.parametersSet()) throw new Error(`no secure ring of degree ${degree} has ${levels} levels`);
  const generator = seal.KeyGenerator(context), parmsIds = [];
  for (let data = context.firstContextData; data; data = data.nextContextData) {
    parmsIds[data.chainIndex] = data.parmsId;
    if (data.chainIndex === 0) break;
  }
  return {
    parmsIds, encoder: seal.CKKSEncoder(context), evaluator: seal.Evaluator(context),
    encryptor: seal.Encryptor(context, generator.createPublicKey()),
    galois: generator.createGaloisKeys(Int32Array.from([1, 0])), relin: generator.createRelinKeys(),
  };
}

// Each op by its name in schedules, on fresh operands of the level.
function operations({ evaluator, galois, relin, parmsIds }, a, b, three, plain, level) {
  const made = {
    rot: () => evaluator.rotateVector(a, 1, galois), conj: () => evaluator.complexConjugate(a, galois), neg: () => evaluator.negate(a),
    add: () => evaluator.add(a, b), sub: () => evaluator.sub(a, b), addp: () => evaluator.addPlain(a, plain), subp: () => evaluator.subPlain(a, plain),
    mulp: () => evaluator.multiplyPlain(a, plain), mul: () => evaluator.multiply(a, b), square: () => evaluator.square(a),
    relin: () => evaluator.relinearize(three, relin),
  };
  if (level) {
    made.rescale = () => evaluator.rescaleToNext(a);
    made.drop = () => evaluator.cipherModSwitchTo(a, parmsIds[level - 1]);
  }
  return made;
}

function least(work, rounds) {
  const times = [];
  for (let k = 0; k <= rounds; k++) { // the first one warms up
    const start = process.hrtime.bigint(), result = work();
    times.push(Number(process.hrtime.bigint() - start) / 1e6);
    result.delete();
  }
  return Math.min(...times.slice(1));
}

function measure(seal, degree, levels, rounds) {
  const ring = makeRing(seal, degree, levels), lines = [];
  const numbers = Float64Array.from({ length: degree / 2 }, (_, k) => Math.sin(k)), top = ring.encoder.encode(numbers, 2 ** SCALE_BITS);
  const fresh = [1, 2].map(() => ring.encryptor.encrypt(top));
  for (let level = levels; level >= 0; level--) {
    const [a, b] = fresh.map(cipher => ring.evaluator.cipherModSwitchTo(cipher, ring.parmsIds[level]));
    const plain = ring.evaluator.plainModSwitchTo(top, ring.parmsIds[level]);
    for (const operand of [a, b, plain]) operand.setScale(2 ** 20); // products fit the last prime
    const three = ring.evaluator.multiply(a, b);
    const found = Object.entries(operations(ring, a, b, three, plain, level)).map(([op, work]) => `${op} ${least(work, rounds).toPrecision(4)}`);
    lines.push(`at N ${degree} level ${level} ${found.join(' ')}`);
    for (const operand of [a, b, plain, three]) operand.delete();
  }
  return lines;
}

async function main() {
  const asked = readArguments(process.argv.slice(2));
  const seal = await require('node-seal')();
  const lines = ['hetimes 1', `# node-seal on node ${process.version}: milliseconds, the least of ${asked.rounds}`];
  for (const [degree, levels] of asked.rings) lines.push(...measure(seal, degree, levels, asked.rounds));
  const text = lines.join('\n') + '\n';
  if (asked.output) fs.writeFileSync(asked.output, text);
  else process.stdout.write(text);
}

main().catch(error => {
  console.error(`times.js: ${error.message || error}`);
  process.exit(1);
});
