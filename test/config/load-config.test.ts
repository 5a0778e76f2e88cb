import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { loadConfig, loadDetectConfig } from '../../src/config/load-config.js';
import { ConfigError } from '../../src/core/errors.js';
import { inFolder, load, problems } from './config-folder.js';

const SHA = 'a'.repeat(64);

describe('loadConfig', () => {
  it('has a default for everything: loopback, embedded backend, the demo', async () => {
    const config = await load({});
    expect(config).toMatchObject({
      server: { host: '127.0.0.1', port: 8080, tokens: [], hosts: [], tls: null, embedOrigins: [] },
      backend: { kind: 'embedded', modelDir: null, engine: 'auto', workers: 'auto', memoryMb: null },
      model: { name: null, version: null, versionLabel: null, signature: 'serving_default', deadlineMs: 2000, input: { normalization: null }, output: null },
      labelsFile: null,
      batching: { maxBatchSize: 8, batchTimeoutMs: 'auto', maxInFlightBatches: 2 },
      sources: { roots: [], networks: ['private'], maxSidePx: 8192, maxMegapixels: 40, maxFrameMemoryMb: null },
      log: { level: 'info', format: null },
    });
    expect(config.streams).toMatchObject([{ id: 'demo', source: 'demo:street', mode: 'live' }]);
  });

  it('reads every key of sightline.yaml, with paths relative to it', async () => {
    const yaml = `
server: { host: 0.0.0.0, port: 9000, tokens: [{ name: wall, sha256: ${SHA}, role: viewer, streams: [door], expires: 2030-01-31 }, { name: boss, sha256: ${SHA}, role: operator }], hosts: [watch.example.com, '[::1]:8443', 10.0.0.1], tls: { cert: server.pem, key: ../secret/server.key }, embedOrigins: [https://intranet.example, 'http://10.0.0.7:8000'] }
backend: { endpoints: [gpu1:8500, '[::1]:8500'], tls: { ca: ca.pem, cert: c.pem, key: k.pem } }
model: { name: detector, version: 3, signature: detect, deadlineMs: 500, input: { normalization: imagenet }, output: { kind: yolo, output: output0, objectness: true, classCount: 3, classOffset: 1, nms: 0.5 } }
labels: labels.pbtxt
batching: { maxBatchSize: 4, batchTimeoutMs: 0, maxInFlightBatches: 1 }
sources: { roots: [videos, /media], networks: [private, 10.0.0.0/8, 'fd00::/8'], maxSidePx: 4096, maxMegapixels: 8.5, maxFrameMemoryMb: 2048 }
log: { level: debug, format: json }
`;
    expect(await load({ 'conf/sightline.yaml': yaml, 'streams/.hidden.yaml': 'nonsense', 'streams/readme.txt': 'nonsense' }, { flags: { config: 'conf/sightline.yaml' } })).toEqual({
      server: { host: '0.0.0.0', port: 9000, tokens: [{ name: 'wall', sha256: SHA, role: 'viewer', streams: ['door'], expires: '2030-01-31' }, { name: 'boss', sha256: SHA, role: 'operator' }], hosts: ['watch.example.com', '[::1]:8443', '10.0.0.1'], tls: { cert: '~/conf/server.pem', key: '~/secret/server.key' }, embedOrigins: ['https://intranet.example', 'http://10.0.0.7:8000'] },
      backend: { kind: 'endpoints', endpoints: ['gpu1:8500', '[::1]:8500'], tls: { ca: '~/conf/ca.pem', cert: '~/conf/c.pem', key: '~/conf/k.pem' } },
      model: { name: 'detector', version: 3, versionLabel: null, signature: 'detect', deadlineMs: 500, input: { normalization: 'imagenet' }, output: { kind: 'yolo', output: 'output0', objectness: true, classCount: 3, classOffset: 1, nms: 0.5 } },
      labelsFile: '~/conf/labels.pbtxt',
      batching: { maxBatchSize: 4, batchTimeoutMs: 0, maxInFlightBatches: 1 },
      sources: { roots: ['~/conf/videos', '/media'], networks: ['private', '10.0.0.0/8', 'fd00::/8'], maxSidePx: 4096, maxMegapixels: 8.5, maxFrameMemoryMb: 2048 },
      streamsFolder: '~/streams',
      streams: [],
      log: { level: 'debug', format: 'json' },
    });
  });

  it('lets flags win over the environment and the environment over the file', async () => {
    const files = { 'sightline.yaml': 'server: { port: 1, host: localhost }\nlabels: file.txt\nmodel: { deadlineMs: 1, signature: s }\nbackend: { endpoints: [file:1] }' };
    const env = { SIGHTLINE_SERVER_PORT: '2', SIGHTLINE_LABELS: 'env.txt', SIGHTLINE_MODEL_DEADLINE_MS: '2', SIGHTLINE_BACKEND_ENDPOINTS: 'env:1, env:2' };
    const flags = { port: '3', backend: 'flag:1,flag:2', labels: 'flag.txt', host: '127.0.0.2' };
    expect(await load(files)).toMatchObject({ server: { port: 1 }, labelsFile: '~/file.txt', backend: { endpoints: ['file:1'] } });
    expect(await load(files, { env })).toMatchObject({ server: { host: 'localhost', port: 2 }, labelsFile: '~/env.txt', backend: { endpoints: ['env:1', 'env:2'] }, model: { deadlineMs: 2, signature: 's' } });
    expect(await load(files, { env, flags })).toMatchObject({ server: { host: '127.0.0.2', port: 3 }, labelsFile: '~/flag.txt', backend: { endpoints: ['flag:1', 'flag:2'] }, model: { deadlineMs: 2 } });
  });

  it.each([
    ['endpoints over embedded', 'backend: { embedded: { modelDir: m } }', { backend: 'h:1' }, { kind: 'endpoints', endpoints: ['h:1'], tls: null }],
    ['embedded over endpoints with TLS', 'backend: { endpoints: [h:1], tls: { ca: c } }', { backend: 'embedded' }, { kind: 'embedded', modelDir: null, engine: 'auto', workers: 'auto', memoryMb: null }],
    ['a model folder over endpoints', 'backend: { endpoints: [h:1] }', { modelDir: 'm' }, { kind: 'embedded', modelDir: '~/m', engine: 'auto', workers: 'auto', memoryMb: null }],
    ['embedded and keeps its settings', 'backend: { embedded: { modelDir: m, engine: wasm } }', { backend: 'embedded' }, { kind: 'embedded', modelDir: '~/m', engine: 'wasm', workers: 'auto', memoryMb: null }],
    ['an engine over endpoints', 'backend: { endpoints: [h:1] }', { engine: 'wasm' }, { kind: 'embedded', modelDir: null, engine: 'wasm', workers: 'auto', memoryMb: null }],
    ['an engine and keeps the rest', 'backend: { embedded: { engine: wasm, workers: 3, memoryMb: 900 } }', { engine: 'onnxruntime' }, { kind: 'embedded', modelDir: null, engine: 'onnxruntime', workers: 3, memoryMb: 900 }],
    ['other endpoints and keeps TLS', 'backend: { endpoints: [h:1], tls: { ca: c } }', { backend: 'i:1' }, { kind: 'endpoints', endpoints: ['i:1'], tls: { ca: '~/c' } }],
  ] as const)('takes from flags %s', async (_, yaml, flags, backend) => {
    expect((await load({ 'sightline.yaml': yaml }, { flags })).backend).toEqual(backend);
  });

  it.each([
    ['other', { name: 'other', version: null, versionLabel: null }],
    ['other:7', { name: 'other', version: 7, versionLabel: null }],
    ['other@stable', { name: 'other', version: null, versionLabel: 'stable' }],
  ])('reads --model %s and forgets the version of the file', async (model, expected) => {
    expect((await load({ 'sightline.yaml': 'model: { name: detector, version: 3 }' }, { flags: { model } })).model).toMatchObject(expected);
  });

  it('gives back something that nobody can change', async () => {
    await inFolder({ 'sightline.yaml': 'backend: { endpoints: [h:1] }', 'streams/a.yaml': 'source: a.mp4' }, async (folder) => {
      const config = await loadConfig({ cwd: folder, env: {} });
      const visit = (value: unknown): void => {
        if (typeof value !== 'object' || value === null) return;
        expect(Object.isFrozen(value)).toBe(true);
        Object.values(value).forEach(visit);
      };
      visit(config);
    });
  });

  it('does not freeze its defaults into what a file gives', async () => {
    const first = await load({ 'streams/a.yaml': 'source: a.mp4\nthresholds: { person: 0.9 }' });
    const second = await load({ 'streams/a.yaml': 'source: a.mp4' });
    expect([first.streams[0]?.thresholds, second.streams[0]?.thresholds]).toEqual([{ '*': 0.4, person: 0.9 }, { '*': 0.4 }]);
  });

  it('treats an empty file and keys without a value as nothing given', async () => {
    expect((await load({ 'sightline.yaml': '' })).server.port).toBe(8080);
    expect((await load({ 'sightline.yaml': '# only a comment\n' })).server.port).toBe(8080);
    expect((await load({ 'sightline.yaml': 'server:\nmodel: { name: }\n' })).model.name).toBeNull();
  });

  it('gives detect the same settings without streams', async () => {
    await inFolder({ 'sightline.yaml': 'backend: { endpoints: [h:1] }', 'streams/a.yaml': 'nonsense' }, async (folder) => {
      expect(await loadDetectConfig({ model: 'm:2' }, { cwd: folder, env: {} })).toMatchObject({ backend: { endpoints: ['h:1'] }, model: { name: 'm', version: 2 }, streams: [] });
      await expect(loadDetectConfig({ backend: 'nowhere' }, { cwd: folder, env: {} })).rejects.toThrow('--backend: expected host:port');
    });
  });
});

describe('the issues of a configuration', () => {
  it('are all told at once, those of every file, variable and flag', async () => {
    const files = {
      'sightline.yaml': 'server: { prot: 80, port: "80" }\nbatching: { maxBatchSize: 0 }\nextra: 1',
      'streams/a.yaml': 'source: a.mp4\nfsp: 5\nthresholds: { person: 1.5, dog: -0.1 }',
      'streams/b.yaml': 'source: [1]\nmode: liv',
      'streams/c.yaml': 'a: [',
    };
    expect((await problems(files, { env: { SIGHTLINE_MODEL_VERSION: 'x', SIGHTLINE_SEVER_HOST: 'y' }, flags: { port: 'abc' } })).sort()).toEqual(
      [
        'sightline.yaml: server.prot: unknown key (did you mean port?)',
        'sightline.yaml: server.port: expected a whole number from 0 to 65535, got "80" (text)',
        'sightline.yaml: batching.maxBatchSize: expected a whole number from 1 to 1024, got 0 (number)',
        'sightline.yaml: extra: unknown key; known here: server, backend, model, labels, batching, sources, log',
        'SIGHTLINE_MODEL_VERSION: expected a whole number from 0 to 9007199254740991, got something else from the environment',
        'SIGHTLINE_SEVER_HOST: is no variable of Sightline (did you mean SIGHTLINE_SERVER_HOST?)',
        '--port: expected a whole number from 0 to 65535, got "abc"',
        'streams/a.yaml: fsp: unknown key (did you mean fps?)',
        'streams/a.yaml: thresholds.person: expected a score from 0 to 1, or false to hide the class, got 1.5 (number)',
        'streams/a.yaml: thresholds.dog: expected a score from 0 to 1, or false to hide the class, got -0.1 (number)',
        'streams/b.yaml: source: expected rtsp(s)://…, http(s)://…, a path or demo:street, got a list',
        'streams/b.yaml: mode: expected live or replay, got "liv" (text)',
        'streams/c.yaml: 1:5: not valid YAML: wrong indentation, or a bracket or quote without its end',
      ].sort(),
    );
  });

  it.each(['https://intranet.example/', 'https://intranet.example/path', 'intranet.example', 'https://Intranet.example', 'https://intranet.example:443', 'ftp://intranet.example', "'https://a.example; script-src *'", "'https://a.example https://b.example'", "''"])(
    'takes %s for no origin',
    async (origin) => {
      expect(await problems({ 'sightline.yaml': `server: { embedOrigins: [${origin}] }` })).toEqual([expect.stringMatching(/^sightline\.yaml: server\.embedOrigins\[0\]: expected an origin such as https:\/\/intranet\.example/)]);
    },
  );

  it('lets everybody frame tiles where that is written, alone or in a list, in a file or a variable', async () => {
    for (const yaml of ["server: { embedOrigins: '*' }", "server: { embedOrigins: ['*'] }"]) expect((await load({ 'sightline.yaml': yaml })).server.embedOrigins).toEqual(['*']);
    expect((await load({}, { env: { SIGHTLINE_SERVER_EMBED_ORIGINS: 'https://a.example, https://b.example' } })).server.embedOrigins).toEqual(['https://a.example', 'https://b.example']);
  });

  it.each([
    ['embedded and endpoints', 'backend: { embedded: {}, endpoints: [h:1] }', ['sightline.yaml: backend.endpoints: contradicts backend.embedded: a backend is either embedded or endpoints']],
    ['TLS without endpoints', 'backend: { tls: { ca: c } }', ['sightline.yaml: backend.tls: is only for backend.endpoints']],
    ['a certificate without its key', 'backend: { endpoints: [h:1], tls: { cert: c } }', ['sightline.yaml: backend.tls.cert: needs backend.tls.key beside it']],
    ['an endpoint twice', 'backend: { endpoints: [h:1, i:1, h:1] }', ['sightline.yaml: backend.endpoints[2]: this endpoint stands in the list twice']],
    ['no endpoint', 'backend: { endpoints: [] }', ['sightline.yaml: backend.endpoints: expected at least one host:port, got a list']],
    ['version and label', 'model: { version: 3, versionLabel: stable }', ['sightline.yaml: model.versionLabel: contradicts model.version: a model is chosen by version or by label']],
    ['an open address without tokens', 'server: { host: 0.0.0.0 }', ['sightline.yaml: server.host: other machines can reach this address: add server.tokens (sightline token makes one), or listen on 127.0.0.1']],
    ['a certificate of the server without its key', 'server: { tls: { cert: c } }', ['sightline.yaml: server.tls: needs server.tls.key: certificate and key come together']],
    ['TLS of the server without files', 'server: { tls: {} }', ['sightline.yaml: server.tls: needs server.tls.cert: certificate and key come together']],
    ['origins that are none', 'server: { embedOrigins: ["https://a.example", "https://a.example/x", "a.example", "https://A.example", "https://a.example:443", "https://a.example; x"] }', [1, 2, 3, 4, 5].map((index) => expect.stringContaining(`sightline.yaml: server.embedOrigins[${String(index)}]: expected an origin such as`) as string)],
    ['names that are none', 'server: { hosts: [a.example, "http://b.example", "c:0", "::1", "a b", "*.example"] }', [1, 2, 3, 4, 5].map((index) => `sightline.yaml: server.hosts[${String(index)}]: expected a name such as cameras.example.com, or name:port, got ${['', 'another text', '"c:0"', '"::1"', '"a b"', '"*.example"'][index] ?? ''} (text)`)],
    ['two tokens of one name', `server: { tokens: [{ name: a, sha256: ${SHA}, role: viewer }, { name: a, sha256: ${SHA}, role: viewer }] }`, ['sightline.yaml: server.tokens[1].name: another token has this name']],
    ['something else than origins', 'server: { embedOrigins: https://intranet.example }', ["sightline.yaml: server.embedOrigins: expected a list of origins such as https://intranet.example, or '*', got another text (text)"]],
    ['a port out of range', 'server: { port: 65536 }', ['sightline.yaml: server.port: expected a whole number from 0 to 65535, got 65536 (number)']],
    ['a broken port', 'server: { port: 80.5 }', ['sightline.yaml: server.port: expected a whole number from 0 to 65535, got 80.5 (number)']],
    ['a URL as endpoint', 'backend: { endpoints: ["http://h:1"] }', ['sightline.yaml: backend.endpoints[0]: expected host:port, for example gpu1:8500, got another text (text)']],
    ['a text as file', 'hello', ['sightline.yaml: expected a mapping with the keys server, backend, model, labels, batching, sources, log, got another text (text)']],
    ['a key twice', 'labels: a.txt\nlabels: b.txt', ['sightline.yaml: 2:1: this key stands here twice']],
    ['two documents', 'labels: a.txt\n---\nlabels: b.txt', ['sightline.yaml: 2:1: holds more than one document (---), expected one']],
    ['tabs', 'server:\n\tport: 1', ['sightline.yaml: 2:1: not valid YAML: indent with spaces, not with tabs']],
    ['a tag', 'labels: !!python/object a', ['sightline.yaml: 1:9: not valid YAML: a text that begins with ! needs quotes']],
  ])('tell %s', async (_, yaml, expected) => {
    expect(await problems({ 'sightline.yaml': yaml, 'streams/a.yaml': 'source: a.mp4' })).toEqual(expected);
  });

  it('do not accuse an open address of lacking tokens that are there but wrong', async () => {
    expect(await problems({ 'sightline.yaml': 'server: { host: 0.0.0.0, tokens: [{ name: a, role: viewer }] }' })).toEqual(['sightline.yaml: server.tokens[0].sha256: expected the SHA-256 of the token, 64 hex digits, got nothing']);
  });

  it.each([
    [{ host: '192.168.0.1' }, '--host: other machines can reach this address: add server.tokens (sightline token makes one), or listen on 127.0.0.1'],
    [{ host: 'localhost:1' }, '--host: expected an IP address or a host name, got "localhost:1"'],
    [{ port: '70000' }, '--port: expected a whole number from 0 to 65535, got "70000"'],
    [{ port: '' }, '--port: expected a whole number from 0 to 65535, got ""'],
    [{ backend: '' }, '--backend: expected host:port, for example gpu1:8500, got ""'],
    [{ backend: 'h:1', modelDir: 'm' }, '--backend: contradicts --model-dir: a backend is either embedded or endpoints'],
    [{ model: 'a:b' }, '--model: expected NAME, NAME:VERSION or NAME@LABEL, where the version is a number'],
    [{ model: '' }, '--model: expected NAME, NAME:VERSION or NAME@LABEL, where the version is a number'],
    [{ config: 'none.yaml' }, 'none.yaml: no such file'],
    [{ config: '.' }, '~: is a folder, expected a file'],
    [{ streams: 'none' }, 'none: no such folder'],
    [{ streams: 'streams/a.yaml' }, 'streams/a.yaml: is a file, expected a folder of stream definitions'],
    [{ logLevel: 'loud' }, '--log-level: expected trace, debug, info, warn, error, fatal or silent, got "loud"'],
  ])('of the flags %j name the flag', async (flags, line) => {
    expect(await problems({ 'streams/a.yaml': 'source: a.mp4' }, { flags })).toEqual([line]);
  });

  it('survive aliases that would grow without bound', async () => {
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x,x]\n${'bcdefghi'.split('').map((name, index) => `${name}: &${name} [${Array(10).fill(`*${'abcdefgh'[index] ?? ''}`).join(',')}]`).join('\n')}`;
    expect(await problems({ 'sightline.yaml': bomb })).toEqual(['sightline.yaml: has too many references (*name)']);
  });
});

describe('variables', () => {
  it('fill in texts, numbers and lists of a file, and are read as the type needed there', async () => {
    const files = { 'sightline.yaml': 'server: { port: ${PORT} }\nbackend: { endpoints: ["${GPU}:8500"] }\nmodel:\n  name: det-${NAME}\n  signature: "$${NAME}"', 'streams/a.yaml': 'source: rtsp://u:${PW}@cam/1\nloop: ${NO}\nthresholds: { person: ${T}, dog: ${NO} }' };
    const config = await load(files, { env: { PORT: '9001', GPU: 'gpu7', NAME: 'x', PW: 'p"w:#{', NO: 'false', T: '0.25' } });
    expect(config).toMatchObject({ server: { port: 9001 }, backend: { endpoints: ['gpu7:8500'] }, model: { name: 'det-x', signature: '${NAME}' }, streams: [{ source: 'rtsp://u:p"w:#{@cam/1', loop: false, thresholds: { person: 0.25, dog: false } }] });
  });

  it('may hold anything, which is never read as YAML', async () => {
    const config = await load({ 'streams/a.yaml': 'name: ${N}\nsource: a.mp4' }, { env: { N: '{ a: 1 }\n- ${OTHER} # *x' } });
    expect(config.streams[0]?.name).toBe('{ a: 1 }\n- ${OTHER} # *x');
  });

  it('that are missing are named with the place, all of them', async () => {
    expect(await problems({ 'sightline.yaml': 'server: { port: ${PORT} }', 'streams/a.yaml': 'source: rtsp://${USER_A}:${PW}@cam/1', 'streams/b.yaml': 'source: ${not a name}' })).toEqual([
      'sightline.yaml: server.port: environment variable PORT is not set',
      'streams/a.yaml: source: environment variable USER_A is not set',
      'streams/a.yaml: source: environment variable PW is not set',
      'streams/b.yaml: source: expected the name of an environment variable in ${…}; write $${…} for the characters themselves',
    ]);
  });

  it('of Sightline itself set files and every setting, an empty one nothing', async () => {
    const env = { SIGHTLINE_CONFIG: 'c.yaml', SIGHTLINE_STREAMS: 's', SIGHTLINE_SERVER_HOST: '', SIGHTLINE_SHARED: '/x', SIGHTLINE_SERVER_EMBED_ORIGINS: '*', SIGHTLINE_CACHE_DIR: '/y', SIGHTLINE_SERVER_TOKENS: `[{"name":"a","sha256":"${SHA}","role":"viewer"}]`, SIGHTLINE_BACKEND_EMBEDDED_MODEL_DIR: 'm', SIGHTLINE_SOURCES_NETWORKS: 'private,10.0.0.0/8', SIGHTLINE_SERVER_HOSTS: 'a.example, b.example:444', SIGHTLINE_SERVER_TLS_KEY: 'k.pem', OTHER: 'x' };
    const config = await load({ 'c.yaml': 'model: { name: n }\nserver: { tls: { cert: c.pem } }', 's/a.yaml': 'source: a.mp4' }, { env });
    expect(config).toMatchObject({ model: { name: 'n' }, backend: { modelDir: '~/m' }, server: { host: '127.0.0.1', tokens: [{ name: 'a' }], hosts: ['a.example', 'b.example:444'], embedOrigins: ['*'], tls: { cert: '~/c.pem', key: '~/k.pem' } }, sources: { networks: ['private', '10.0.0.0/8'] }, streams: [{ id: 'a' }] });
  });

  it('never show their values in a message, wherever they are filled in', async () => {
    const secret = fc.stringMatching(/^[a-zA-Z0-9!#%&:/@.{}$ -]{0,20}Zq7Zq7[a-zA-Z0-9!#%&:/@.{}$ -]{0,20}$/u);
    const places = ['server: { host: ${S} }', 'server: { port: ${S} }', 'server: { port: "1${S}" }', 'server: ${S}', 'server: { tokens: [{ name: ${S}, sha256: ${S}, role: ${S}, expires: ${S} }] }', 'backend: { endpoints: ["${S}"] }', 'backend: { embedded: { engine: ${S} } }', 'model: { version: ${S}, versionLabel: ${S} }', 'batching: { maxBatchSize: ${S} }', 'sources: { networks: [${S}] }', 'log: { level: ${S} }', '${S}', '${S}: ${S}'];
    const streamPlaces = ['id: ${S}', 'source: ${S}', 'source: "ftp://u:${S}@h"', 'source: a.mp4\nmode: ${S}', 'source: a.mp4\nfps: ${S}', 'source: a.mp4\nthresholds: { "${S}": 2, person: ${S} }', 'source: a.mp4\nloop: ${S}', 'source: a.mp4\ndetectSource: ${S}', 'source: a.mp4\ntransport: ${S}', 'source: a.mp4\nid: ${S}'];
    await fc.assert(
      fc.asyncProperty(secret, fc.constantFrom(...places), fc.constantFrom(...streamPlaces), async (value, place, streamPlace) => {
        const files = { 'sightline.yaml': place, 'streams/a.yaml': streamPlace, 'streams/b.yaml': streamPlace };
        const env = { S: value, SIGHTLINE_LOG_LEVEL: value, SIGHTLINE_SERVER_TOKENS: value, SIGHTLINE_BACKEND_ENDPOINTS: value, SIGHTLINE_MODEL_VERSION: value };
        const lines = await problems(files, { env });
        expect(lines.length).toBeGreaterThan(0);
        expect(lines.join('\n')).not.toContain('Zq7Zq7');
      }),
      { numRuns: 150 },
    );
  });

  it('and passwords typed into a file are not shown either', async () => {
    const password = 'hunter2';
    for (const yaml of [`source: ftp://u:${password}@h/1`, `source:rtsp://u:${password}@h/1`, `source:rtsp://u:${password}@h/1\nname: x`, `rtsp://u:${password}@h/1: x`, `name: x\nsource: rtsp://u:${password}@`, `source: a.mp4\nmode: rtsp://u:${password}@h`, `source: *${password}`, `source: !${password} x`, `source: "rtsp://u:${password}@h`, `source: a.mp4\ndetectSource: file://${password}`]) {
      const lines = await problems({ 'streams/a.yaml': yaml });
      expect(lines.length).toBeGreaterThan(0);
      expect(lines.join('\n')).not.toContain(password);
    }
  });
});

describe('a random configuration', () => {
  it('is either taken or refused with a ConfigError', async () => {
    await inFolder({}, async (folder) => {
      await mkdir(join(folder, 'streams'));
      await fc.assert(
        fc.asyncProperty(fc.object({ key: fc.constantFrom('server', 'host', 'port', 'tokens', 'backend', 'endpoints', 'tls', 'embedded', 'model', '__proto__', 'constructor', 'x'), maxDepth: 4 }), async (value) => {
          await writeFile(join(folder, 'sightline.yaml'), JSON.stringify(value));
          await loadConfig({ cwd: folder, env: {} }).catch((error: unknown) => {
            expect(error).toBeInstanceOf(ConfigError);
          });
        }),
        { numRuns: 150 },
      );
    });
  });
});
