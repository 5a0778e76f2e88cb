import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ConfigError } from '../../src/core/errors.js';
import { cocoLabelMap, loadLabelMap, type LabelMap } from '../../src/detection/label-map.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'labels-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function load(name: string, text: string): Promise<LabelMap> {
  const file = join(folder, name);
  await writeFile(file, text);
  return loadLabelMap(file);
}

/** The one issue that loading ends with, without the folder. */
async function issueOf(name: string, text: string): Promise<string> {
  const error: unknown = await load(name, text).then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ConfigError)) throw new Error(`expected a ConfigError, got ${String(error)}`);
  return error.message.replace(`${folder}/`, '');
}

describe('the default label map', () => {
  it('has the 80 COCO classes under their Object Detection API ids', async () => {
    const labels = cocoLabelMap();
    expect([1, 13, 85, 90].map((id) => labels.label(id))).toEqual(['person', 'stop sign', 'clock', 'toothbrush']);
    expect(Array.from({ length: 91 }, (_, id) => labels.label(id)).filter((label) => !/^\d+$/u.test(label))).toHaveLength(80);
    expect(labels.id('clock')).toBe(85);
    expect((await loadLabelMap(null)).label(1)).toBe('person');
  });

  it('names an unknown class by its number', () => {
    expect([0, 12, 91, -1, 1.5].map((id) => cocoLabelMap().label(id))).toEqual(['0', '12', '91', '-1', '1.5']);
    expect(cocoLabelMap().id('unicorn')).toBeUndefined();
    expect(cocoLabelMap().id('constructor')).toBeUndefined();
  });

  it('names the classes of a model that counts them from 0 only when it has as many', () => {
    const labels = cocoLabelMap();
    expect([0, 11, 79].map((index) => labels.classAt(index, 80))).toEqual([{ classId: 1, label: 'person' }, { classId: 13, label: 'stop sign' }, { classId: 90, label: 'toothbrush' }]);
    expect(labels.classAt(0, null)).toEqual({ classId: 1, label: 'person' });
    expect([labels.classAt(0, 3), labels.classAt(80, null), labels.classAt(-1, 80)]).toEqual([{ classId: 0, label: '0' }, { classId: 80, label: '80' }, { classId: -1, label: '-1' }]);
  });
});

describe('a .pbtxt file', () => {
  it.each([
    ['the usual form', 'item {\n  name: "/m/01g317"\n  id: 1\n  display_name: "person"\n}\nitem {\n  name: \'dog\'\n  id: 18\n}\n', { 1: 'person', 18: 'dog' }],
    ['one line, colons and commas', 'item: { id: 3, name: "car"; } item:{id:4 name:"bus"}', { 3: 'car', 4: 'bus' }],
    ['angle brackets, comments and a byte order mark', '\uFEFF# classes\nitem < id: 2 # two\n name: "bike" >', { 2: 'bike' }],
    ['keypoints and unknown fields', 'version: 2\nitem { name: "person" id: 1 keypoints { id: 0 label: "nose" } keypoints { id: 1 label: "eye" } frequency: FREQUENT tags: ["a", "b"] }', { 1: 'person' }],
    ['escapes and neighbouring strings', 'item { id: 5 name: "caf\\303\\251" " \\"bar\\"" }', { 5: 'café "bar"' }],
    ['the id 0', 'item { id: 0 name: "background" }', { 0: 'background' }],
    ['Windows line ends', 'item {\r\n id: 7\r\n name: "x"\r\n}\r\n', { 7: 'x' }],
  ])('is read in %s', async (_, text, labels) => {
    const map = await load('labels.pbtxt', text);
    for (const [id, label] of Object.entries(labels)) expect(map.label(Number(id))).toBe(label);
  });

  it.each([
    ['', 'labels.pbtxt: line 1: holds no label'],
    ['item {\n name: "a"\n}', 'labels.pbtxt: line 1: this item has no id'],
    ['\nitem {\n id: 1\n}', 'labels.pbtxt: line 2: this item has neither name nor display_name'],
    ['item {\n id: one\n}', 'labels.pbtxt: line 2: expected a whole number after id'],
    ['item {\n id: 1\n name: person\n}', 'labels.pbtxt: line 3: expected a text in quotes'],
    ['item {\n id: 1\n name: "person\n}', 'labels.pbtxt: line 3: this text in quotes has no end'],
    ['item {\n id: 1 name: "a"', 'labels.pbtxt: line 1: what begins here with "{" has no end'],
    ['item {\n id: 1 name: "a" }\nitem { id: 1\n name: "b" }', 'labels.pbtxt: line 3: id 1 has a label already, on line 1'],
    ['person\ndog\n', 'labels.pbtxt: line 1: expected a colon and a value after person'],
    ['@', 'labels.pbtxt: line 1: is not a label map in protobuf text format'],
  ])('%j is refused with file and line', async (text, message) => {
    expect(await issueOf('labels.pbtxt', text)).toBe(message);
  });

  it('reads back any label written in it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.tuple(fc.nat(1000), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 })), { minLength: 1, maxLength: 10, selector: ([id]) => id }), async (entries) => {
        const quote = (label: string): string => `"${[...Buffer.from(label)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')}"`;
        const map = await load('any.pbtxt', entries.map(([id, label]) => `item { id: ${String(id)} name: ${quote(label)} }`).join('\n'));
        for (const [id, label] of entries) expect(map.label(id)).toBe(label);
      }),
      { numRuns: 30 },
    );
  });

  it('answers any text with a map or a ConfigError', async () => {
    const noise = fc.array(fc.constantFrom('item', '{', '}', '<', '>', 'id', 'name', ':', '1', '"a"', "'b'", '\n', '#', ',', '[', ']', ' ', '\\'), { maxLength: 40 }).map((parts) => parts.join(' '));
    await fc.assert(
      fc.asyncProperty(noise, async (text) => {
        await load('noise.pbtxt', text).catch((error: unknown) => {
          expect(error).toBeInstanceOf(ConfigError);
        });
      }),
      { numRuns: 100 },
    );
  });
});

describe('a .txt file', () => {
  it('has one label a line with ids from 1, a blank line keeps its id', async () => {
    const map = await load('labels.txt', 'person\n  bicycle \r\n\ncar\n');
    expect([0, 1, 2, 3, 4, 5].map((id) => map.label(id))).toEqual(['0', 'person', 'bicycle', '3', 'car', '5']);
    expect(map.id('car')).toBe(4);
  });

  it('may use a label twice; the first id stands for it', async () => {
    expect((await load('labels.txt', 'a\nb\na')).id('a')).toBe(1);
  });
});

describe('a .json file', () => {
  it.each([
    ['an array with ids from 1', '["person", null, "", "car"]', { 1: 'person', 2: '2', 3: '3', 4: 'car' }],
    ['an object of id and label', '{\n "0": "background",\n "85": "clock"\n}', { 0: 'background', 85: 'clock', 1: '1' }],
  ])('is read as %s', async (_, text, labels) => {
    const map = await load('labels.json', text);
    for (const [id, label] of Object.entries(labels)) expect(map.label(Number(id))).toBe(label);
  });

  it.each([
    ['{\n "1": 5\n}', 'labels.json: line 2: expected a label in quotes for id 1'],
    ['[\n"a",\n["b"]]', 'labels.json: line 3: expected a label in quotes for id 2'],
    ['{\n "one": "a"\n}', 'labels.json: line 2: expected class ids (whole numbers in quotes) as keys'],
    ['{\n "1": "a",\n "1": "b"\n}', 'labels.json: line 3: this id stands here twice'],
    ['"person"', 'labels.json: line 1: expected an object of id and label, or an array of labels'],
    ['{\n "1": "a"\n', 'labels.json: line 3: is not valid JSON'],
    ['[]', 'labels.json: line 1: holds no label'],
  ])('%j is refused with file and line', async (text, message) => {
    expect(await issueOf('labels.json', text)).toBe(message);
  });
});

describe('a label file', () => {
  it('that is missing, a folder or of an unknown kind is refused by name', async () => {
    await expect(loadLabelMap(join(folder, 'none.txt'))).rejects.toThrow(/none\.txt: no such file$/u);
    await expect(loadLabelMap(join(folder, 'labels.csv'))).rejects.toThrow(/labels\.csv: expected a label map ending in \.pbtxt, \.txt or \.json$/u);
  });
});

describe('the classes of a model that counts them from 0', () => {
  it.each([
    ['labels.txt', 'cat\ndog', 'the first line', { classId: 1, label: 'cat' }],
    ['labels.txt', '\ndog', 'a blank first line', { classId: 1, label: '1' }],
    ['labels.json', '["cat", "dog"]', 'the first of a list', { classId: 1, label: 'cat' }],
    ['labels.json', '{"0": "cat", "1": "dog"}', 'the class 0 of a map that has one', { classId: 0, label: 'cat' }],
  ])('begin, with %s of %j, at %s', async (name, text, _what, first) => {
    expect((await load(name, text)).classAt(0, 2)).toEqual(first);
    expect((await load(name, text)).classAt(1, 2).label).toBe('dog');
  });
});
