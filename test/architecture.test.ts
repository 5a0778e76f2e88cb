import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { findViolations, type Tree } from './helpers/architecture.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

describe('the rules of direction', () => {
  test('hold in src and web', () => {
    expect(findViolations(readTree())).toEqual([]);
  });

  test('are applied to a tree that has every folder', () => {
    const folders = new Set([...readTree().files.keys()].map((path) => path.split('/').slice(0, 2).join('/')));
    expect([...folders]).toEqual(expect.arrayContaining(['src/core', 'src/config', 'src/ffmpeg', 'src/sources', 'src/viewers', 'src/pipeline', 'web/src']));
  });
});

describe('the check of the rules', () => {
  test.each<{ title: string; files: Record<string, string>; violations: string[] }>([
    { title: 'nothing at all', files: {}, violations: [] },
    { title: 'what is allowed', files: { 'src/sources/a.ts': "import { b } from '../core/b.js';\nimport type { Logger } from '../telemetry/c.js';\nexport const a = b;", 'src/core/b.ts': 'export const b = 1;', 'src/telemetry/c.ts': 'export type Logger = 1;' }, violations: [] },
    { title: 'core that imports the project', files: { 'src/core/a.ts': "import type { B } from '../ffmpeg/b.js';\nexport type A = B;", 'src/ffmpeg/b.ts': 'export type B = 1;' }, violations: ['src/core/a.ts: core/ may not import src/ffmpeg/b.ts'] },
    { title: 'a stage that imports another', files: { 'src/sources/a.ts': "export { b } from '../batching/b.js';", 'src/batching/b.ts': 'export const b = 1;' }, violations: ['src/sources/a.ts: sources/ may not import src/batching/b.ts'] },
    { title: 'a folder of a stage that imports one above it', files: { 'src/sources/gateway/a.ts': "import { b } from '../live/b.js';\nexport const a = b;", 'src/sources/live/b.ts': "import type { C } from '../replay/c.js';\nexport const b: C = 1;", 'src/sources/replay/c.ts': 'export type C = 1;' }, violations: ['src/sources/gateway/a.ts: sources/gateway/ may not import src/sources/live/b.ts'] },
    { title: 'a stage that imports the types of another', files: { 'src/viewers/a.ts': "import type { B } from '../pipeline/b.js';\nexport type A = B;", 'src/pipeline/b.ts': 'export type B = 1;' }, violations: ['src/viewers/a.ts: viewers/ may not import src/pipeline/b.ts'] },
    { title: 'telemetry imported as a value', files: { 'src/sources/a.ts': "import { b } from '../telemetry/b.js';\nexport const a = b;", 'src/telemetry/b.ts': 'export const b = 1;' }, violations: ['src/sources/a.ts: imports more than types from src/telemetry/b.ts'] },
    { title: 'a dynamic import in the wrong direction', files: { 'src/sources/a.ts': "export const a = () => import('../pipeline/b.js');", 'src/pipeline/b.ts': 'export const b = 1;' }, violations: ['src/sources/a.ts: sources/ may not import src/pipeline/b.ts'] },
    { title: 'an import type in the wrong direction', files: { 'src/core/a.ts': "export type A = import('../cli/b.js').B;", 'src/cli/b.ts': 'export type B = 1;' }, violations: ['src/core/a.ts: core/ may not import src/cli/b.ts'] },
    { title: 'a page that imports the service', files: { 'web/src/a.ts': "import { b } from '../../src/pipeline/b.js';\nexport const a = b;", 'src/pipeline/b.ts': 'export const b = 1;' }, violations: ['web/src/a.ts: the page imports src/pipeline/b.ts'] },
    { title: 'a cycle of values', files: { 'src/core/a.ts': "import { b } from './b.js';\nexport const a = () => b;", 'src/core/b.ts': "import { a } from './a.js';\nexport const b = () => a;" }, violations: ['cycle: src/core/a.ts → src/core/b.ts → src/core/a.ts'] },
    { title: 'no cycle of types', files: { 'src/core/a.ts': "import type { B } from './b.js';\nexport type A = B | 1;", 'src/core/b.ts': "import { type A } from './a.js';\nexport type B = A | 2;" }, violations: [] },
    { title: 'canvas elsewhere', files: { 'src/viewers/a.ts': "import { createCanvas } from 'canvas';\nexport const a = createCanvas;" }, violations: ['src/viewers/a.ts: canvas is only for src/annotation/ and src/demo/'] },
    { title: 'gRPC elsewhere', files: { 'src/detection/a.ts': "import type { Client } from '@grpc/grpc-js';\nexport type A = Client;" }, violations: ['src/detection/a.ts: @grpc/grpc-js is only for src/serving/'] },
    { title: 'child processes elsewhere', files: { 'src/sources/a.ts': "import { spawn } from 'node:child_process';\nexport const a = spawn;" }, violations: ['src/sources/a.ts: node:child_process is only for src/ffmpeg/ and src/model-server/'] },
    { title: 'an HTTP server elsewhere', files: { 'src/model-server/a.ts': "import { createServer } from 'node:http';\nexport const a = createServer;" }, violations: ['src/model-server/a.ts: node:http is only for src/viewers/ and src/model-server/rest/ and src/sources/gateway/'] },
    { title: 'ws elsewhere', files: { 'src/pipeline/a.ts': "import { WebSocketServer } from 'ws';\nexport const a = WebSocketServer;" }, violations: ['src/pipeline/a.ts: ws is only for src/viewers/ and src/model-server/rest/'] },
    { title: 'RxJS elsewhere', files: { 'src/sources/a.ts': "import { of } from 'rxjs';\nexport const a = of;" }, violations: ['src/sources/a.ts: rxjs is only for src/pipeline/'] },
    { title: 'a package that users do not get', files: { 'src/core/a.ts': "import ts from 'typescript/lib/x.js';\nexport const a = ts;" }, violations: ['src/core/a.ts: typescript is not a dependency of the package'] },
    { title: 'a file that does not exist', files: { 'src/core/a.ts': "import { b } from './gone.js';\nexport const a = b;" }, violations: ['src/core/a.ts: ./gone.js does not exist'] },
    { title: 'the environment elsewhere', files: { 'src/core/a.ts': "export const a = () => process.env['A'];\nexport const b = () => { const { env } = process; return env; };" }, violations: ['src/core/a.ts:1: process.env outside src/config/', 'src/core/a.ts:2: process.env outside src/config/'] },
    { title: 'the environment in config', files: { 'src/config/a.ts': "export const a = () => process.env['A'];" }, violations: [] },
    { title: 'default exports', files: { 'src/core/a.ts': 'export default 1;', 'src/core/b.ts': 'export default function b() {}' }, violations: ['src/core/a.ts:1: default export', 'src/core/b.ts:1: default export'] },
    { title: 'a folder of its own', files: { 'src/utils/a.ts': 'export const a = 1;' }, violations: ['src/utils/a.ts: src/utils/ is not a folder of the design'] },
    { title: 'a file in src itself', files: { 'src/a.ts': 'export const a = 1;' }, violations: ['src/a.ts: only service.ts, its parts and index.ts lie in src/ itself'] },
    { title: 'an effect on import', files: { 'src/core/a.ts': "export const a = 1;\nprocess.on('exit', () => a);" }, violations: ['src/core/a.ts:2: does something on import'] },
    { title: 'a long file', files: { 'src/core/a.ts': 'export {};\n'.repeat(301), 'src/core/b.ts': 'export {};\n'.repeat(300) }, violations: ['src/core/a.ts: 301 lines, at most 300'] },
  ])('reports $title', ({ files, violations }) => {
    expect(findViolations({ files: new Map(Object.entries(files)), packages: new Set(['canvas', '@grpc/grpc-js', 'ws', 'rxjs']) })).toEqual(violations);
  });
});

function readTree(): Tree {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { dependencies?: Record<string, string>; peerDependencies?: Record<string, string> };
  const paths = ['src', 'web'].flatMap((folder) => readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((path) => `${folder}/${path}`));
  const sources = paths.filter((path) => /^(src|web\/src)\/.*\.ts$/.test(path) && !path.endsWith('.d.ts'));
  return {
    files: new Map(sources.map((path) => [path, readFileSync(join(ROOT, path), 'utf8')])),
    packages: new Set([...Object.keys(manifest.dependencies ?? {}), ...Object.keys(manifest.peerDependencies ?? {})]),
  };
}
