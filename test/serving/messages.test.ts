import { readdirSync } from 'node:fs';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { PACKAGE_ROOT } from '../../src/core/package-paths.js';
import { ModelOutputError } from '../../src/core/errors.js';
import { DTYPE_NUMBERS, dtypeName } from '../../src/serving/dtypes.js';
import { NO_HINTS, hintsFromHeaders, hintsToHeaders } from '../../src/serving/hints.js';
import { getModelMetadataResponseCodec, signatureDefMapCodec } from '../../src/serving/metadata-messages.js';
import { predictRequestCodec, predictResponseCodec } from '../../src/serving/predict-messages.js';
import { getModelMetadataRpc, getModelStatusRpc, healthCheckRpc, predictRpc } from '../../src/serving/rpcs.js';
import { detectionSignature } from '../helpers/fake-serving.js';

function loadProtos(): protobuf.Root {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => (target.startsWith('google/') ? target : `${PACKAGE_ROOT}protos/${target}`);
  const files = readdirSync(`${PACKAGE_ROOT}protos`, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.proto'));
  root.loadSync(files.map((file) => file.replaceAll('\\', '/')));
  return root;
}

describe('the interface definitions', () => {
  const root = loadProtos();

  it('all parse and all their names resolve', () => {
    expect(() => root.resolveAll()).not.toThrow();
  });

  it.each([predictRpc, getModelMetadataRpc, getModelStatusRpc, healthCheckRpc])('describe the method $path', ({ path }) => {
    const [, service = '', method = ''] = path.split('/');
    expect(Object.keys(root.lookupService(service).methods)).toContain(method);
  });

  it('number the element types as the codec does', () => {
    const values = root.lookupEnum('tensorflow.DataType').values;
    expect(Object.fromEntries(Object.entries(values).map(([name, number]) => [name.slice(3).toLowerCase(), number]))).toEqual(DTYPE_NUMBERS);
  });
});

describe('messages', () => {
  it('are, byte by byte, what TensorFlow Serving reads', () => {
    const bytes = predictRequestCodec.encode({
      modelSpec: { name: 'm', version: '0', versionLabel: null, signatureName: 's' },
      inputs: new Map([['i', { dtype: 4, tensorShape: { dim: [{ size: 1 }] }, tensorContent: Buffer.from([5]) }]]),
      outputFilter: ['o'],
    });
    // model_spec{name=1 "m", version=2 {value 0}, signature_name=3 "s"}; inputs{key "i", value{dtype 4, shape{dim{size 1}}, content 05}}; output_filter "o"
    const value = '0804' + '1204' + '1202' + '0801' + '220105';
    const entry = `0a0169` + `12${(value.length / 2).toString(16).padStart(2, '0')}${value}`;
    expect(bytes.toString('hex')).toMatch(new RegExp(`^0a0(8|a)0a016d12(00|020800)1a0173` + `12${(entry.length / 2).toString(16).padStart(2, '0')}${entry}` + '1a016f$'));
    expect(predictRequestCodec.decode(bytes).modelSpec).toEqual({ name: 'm', version: '0', versionLabel: null, signatureName: 's' });
  });

  it.each([
    { name: 'a', version: null, versionLabel: null, signatureName: '' },
    { name: 'a', version: '9223372036854775807', versionLabel: null, signatureName: '' },
    { name: '', version: null, versionLabel: 'stable', signatureName: 'x' },
    null,
  ])('keep the model spec %o', (modelSpec) => {
    expect(predictResponseCodec.decode(predictResponseCodec.encode({ modelSpec, outputs: new Map() })).modelSpec).toEqual(modelSpec);
  });

  it('keep signatures, unknown ranks and tensors called like parts of JavaScript', () => {
    const signature = detectionSignature({ shape: null, dtype: 'string' }, 'constructor');
    const signatures = new Map([['serving_default', signature]]);
    expect(signatureDefMapCodec.decode(signatureDefMapCodec.encode(signatures))).toEqual(signatures);
  });

  it.each([{ version: '1.5' }, { version: '' }, { version: 'x' }, { version: '1', versionLabel: 'stable' }])('refuse to name a version as %o', (choice) => {
    const modelSpec = { name: 'a', versionLabel: null, signatureName: '', ...choice };
    expect(() => predictResponseCodec.encode({ modelSpec, outputs: new Map() })).toThrow(RangeError);
  });

  it('that are none are refused', () => {
    expect(() => predictRequestCodec.decode(Buffer.from('GET / HTTP/1.1\r\n'))).toThrow(ModelOutputError);
  });
});

describe('names of element types', () => {
  it.each([
    [4, 'uint8'],
    [101, 'float_ref'],
    [77, 'dtype 77'],
    [-1, 'dtype -1'],
  ])('%i is %s', (number, name) => {
    expect(dtypeName(number)).toBe(name);
  });
});

describe('GetModelMetadata answers', () => {
  it('say what type they packed, without which other clients cannot unpack it', () => {
    const bytes = getModelMetadataResponseCodec.encode({ modelSpec: null, signatures: new Map() });
    expect(bytes.includes('type.googleapis.com/tensorflow.serving.SignatureDefMap')).toBe(true);
  });
});

describe('hints', () => {
  const read = (headers: Record<string, string>): unknown => hintsFromHeaders((key) => headers[key] ?? null);

  it('survive the way as headers', () => {
    const hints = { inputSize: { widthPx: 512, heightPx: 320 }, preferredBatch: 1, maxInFlight: 2, msPerImage: 241 };
    expect(read(hintsToHeaders(hints))).toEqual(hints);
    expect(hintsToHeaders(NO_HINTS)).toEqual({});
  });

  it.each([
    { 'sightline-input-size': '0x5', 'sightline-preferred-batch': '0', 'sightline-max-in-flight': '-1', 'sightline-ms-per-image': 'NaN' },
    { 'sightline-input-size': '512', 'sightline-preferred-batch': '1e9', 'sightline-max-in-flight': '99999', 'sightline-ms-per-image': '' },
    {},
  ])('that make no sense are none: %o', (headers) => {
    expect(read(headers)).toEqual(NO_HINTS);
  });
});
