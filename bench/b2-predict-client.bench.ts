import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodePredictRequest } from '../src/serving/predict-request-writer.js';
import { predictResponseCodec } from '../src/serving/predict-messages.js';
import { ServingClient } from '../src/serving/serving-client.js';
import { encodeTensor } from '../src/serving/tensor-codec.js';
import type { Tensor } from '../src/serving/tensor.js';
import { detectionOutputs } from '../test/helpers/fake-serving.js';
import { measure, type Benchmark, type BenchmarkContext, type Contender, type Goal, type PreparedBenchmark } from './harness/benchmark.js';
import { bareClient, callsOfPython, pythonWithGrpcio, startCoreServer, startJsServer, type AnsweringServer } from './inputs/grpc-peers.js';

/** A picture of 300x300 and one of 1920x1080, RGB. */
const PICTURES = [
  { name: '270 KB', shape: [1, 300, 300, 3], calls: { quick: 60, full: 400 }, ofGrpcio: 0.6 },
  { name: '6.2 MB', shape: [1, 1080, 1920, 3], calls: { quick: 12, full: 60 }, ofGrpcio: 0.4 },
] as const;
const IN_FLIGHT = [1, 4];
const MODEL_SPEC = { name: 'detector', version: null, versionLabel: null, signatureName: 'serving_default' };

/** What a Predict call costs: ours makes the request from the picture and reads the answer, the others send bytes that are ready and look at none. */
export const benchmark: Benchmark = {
  id: 'B2',
  name: 'predict client',
  what: 'Predict calls with one picture to a server of the C-core in another process, 1 and 4 in flight',
  prepare,
};

async function prepare({ quick, cacheFolder, log }: BenchmarkContext): Promise<PreparedBenchmark> {
  const python = pythonWithGrpcio();
  if (python === null) log('B2: there is no Python with grpcio (npm run test:conformance makes one): compared with grpc-js alone, its server in this process');
  const answer = answerOf100Boxes();
  const answerFile = join(cacheFolder, 'predict-answer.bin');
  writeFileSync(answerFile, answer);
  const server = python === null ? await startJsServer(answer) : await startCoreServer(python, answerFile);
  const client = new ServingClient({ endpoint: server.endpoint });
  const bare = bareClient(server.endpoint);
  const parts = PICTURES.flatMap((picture) => IN_FLIGHT.map((inFlight) => partOf(picture, inFlight, { quick, python, server, client, bare })));
  return {
    contenders: parts.flatMap(({ contenders }) => contenders),
    goals: parts.flatMap(({ goals }) => goals),
    close: async () => {
      await client.close();
      bare.close();
      await server.close();
    },
  };
}

type Parties = { readonly quick: boolean; readonly python: string | null; readonly server: AnsweringServer; readonly client: ServingClient; readonly bare: ReturnType<typeof bareClient> };

function partOf({ name, shape, calls, ofGrpcio }: (typeof PICTURES)[number], inFlight: number, { quick, python, server, client, bare }: Parties): { contenders: Contender[]; goals: Goal[] } {
  const count = quick ? calls.quick : calls.full;
  const what = (who: string): string => `${who}, ${name}, ${String(inFlight)} in flight`;
  const picture: Tensor = { dtype: 'uint8', shape, data: Buffer.alloc(shape.reduce<number>((product, size) => product * size, 1), 114) };
  const request = encodePredictRequest({ modelSpec: MODEL_SPEC, inputs: { inputs: picture }, outputFilter: [] });
  const contenders: Contender[] = [
    {
      name: what('sightline'),
      run: () => measure(() => inTurn(count, inFlight, async () => { await client.predict({ model: { name: 'detector' }, inputs: { inputs: picture } }, { deadlineMs: 30_000 }); })),
    },
    { name: what('bare grpc-js'), run: () => measure(() => inTurn(count, inFlight, () => bare.call(request))) },
  ];
  const goals: Goal[] = [{ metric: 'cpuMsPerItem', ours: what('sightline'), peer: what('bare grpc-js'), direction: 'at-most', base: 1.1, moonshot: 0.7, failsBeyond: 3 }];
  if (python === null) return { contenders, goals };
  contenders.push({ name: what('grpcio'), run: async () => ({ items: count, wallMs: await callsOfPython(python, server.endpoint, { bytes: request.length, calls: count, inFlight }), cpuMs: 0 }) });
  goals.push({ metric: 'itemsPerSecond', ours: what('sightline'), peer: what('grpcio'), direction: 'at-least', base: ofGrpcio, moonshot: 1.2, failsBeyond: ofGrpcio / 2 });
  return { contenders, goals };
}

/** Makes `count` calls, so many at a time. */
async function inTurn(count: number, inFlight: number, call: () => Promise<void>): Promise<number> {
  let left = count;
  await Promise.all(Array.from({ length: inFlight }, async () => {
    for (; left > 0; ) {
      left -= 1;
      await call();
    }
  }));
  return count;
}

function answerOf100Boxes(): Buffer {
  const boxes = Array.from({ length: 100 }, (_, index) => ({ classId: 1 + (index % 80), score: 1 - index / 100, box: [0.1, 0.1, 0.5, 0.5] as const }));
  const outputs = new Map(Object.entries(detectionOutputs([boxes], 100)).map(([name, tensor]) => [name, encodeTensor(tensor, 'values')]));
  return predictResponseCodec.encode({ modelSpec: { ...MODEL_SPEC, version: '1' }, outputs });
}
