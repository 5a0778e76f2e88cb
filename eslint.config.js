import { readdirSync } from 'node:fs';
import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** Modules that have a door, and the paths that are it (the same as in test/helpers/architecture.ts, here for the editor). */
const DOORS = [
  { regex: '^canvas$', doors: ['annotation', 'demo'] },
  { regex: '^@grpc/', doors: ['serving'] },
  { regex: '^(node:)?child_process$', doors: ['ffmpeg', 'model-server'] },
  { regex: '^fluent-ffmpeg$', doors: ['ffmpeg'] },
  { regex: '^(ws|hono(/.*)?|@hono/.*)$', doors: ['viewers', 'model-server/rest'] },
  { regex: '^(node:)?(http|https|http2)$', doors: ['viewers', 'model-server/rest', 'sources/gateway'] },
  { regex: '^rxjs(/.*)?$', doors: ['pipeline'] },
  { regex: '^@tensorflow/', doors: ['model-server'] },
];

/** RxJS does not push back: these hold queues without a bound, or keep ffmpeg alive with nobody watching. */
const UNBOUNDED_OPERATORS = ['mergeMap', 'flatMap', 'concatMap', 'mergeAll', 'concatAll', 'buffer', 'bufferCount', 'bufferTime', 'bufferToggle', 'bufferWhen', 'zip', 'ReplaySubject', 'observeOn', 'shareReplay'];

const restrictedOperators = ['rxjs', 'rxjs/operators'].map((name) => ({
  name,
  importNames: UNBOUNDED_OPERATORS,
  message: 'It queues frames without a bound; use an async stage with credits or a newest-wins slot.',
}));

/** The import rule of one place in `src`: every module whose door is elsewhere is refused. */
function restrictImports(files, place) {
  const patterns = DOORS.filter(({ doors }) => place === null || !doors.includes(place)).map(({ regex, doors }) => ({
    regex,
    message: `Only for src/${doors.join('/ and src/')}/.`,
  }));
  return { files, rules: { 'no-restricted-imports': ['error', { paths: restrictedOperators, patterns }] } };
}

const folders = readdirSync(new URL('src', import.meta.url), { withFileTypes: true }).filter((entry) => entry.isDirectory());

const NO_DEFAULT_EXPORT = { selector: 'ExportDefaultDeclaration', message: 'Named exports only: a thing has one name everywhere.' };
const NO_ENVIRONMENT = [
  { selector: "MemberExpression[object.name='process'][property.name='env']", message: 'process.env is read in src/config/ only.' },
  { selector: "ImportDeclaration[source.value=/^(node:)?process$/] ImportSpecifier[imported.name='env']", message: 'process.env is read in src/config/ only.' },
];
const NO_ONLY = { selector: "CallExpression[callee.object.name=/^(test|it|describe)$/][callee.property.name='only']", message: 'It silences every other test.' };

export default defineConfig(
  { ignores: ['dist/', 'dist.*/', 'node_modules/', 'coverage/', '.cache/', 'bench/results/'] },
  js.configs.recommended,
  tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: { project: ['./tsconfig.test.json', './scripts/tsconfig.json', './web/tsconfig.json'], tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: 'only-allowed-literals' }],
      '@typescript-eslint/prefer-nullish-coalescing': ['error', { ignorePrimitives: { boolean: true } }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
  { files: ['src/**', 'test/**', 'bench/**', 'web/src/**'], rules: { 'no-restricted-syntax': ['error', NO_DEFAULT_EXPORT, NO_ONLY] } },
  { files: ['src/**', 'web/src/**'], ignores: ['src/config/**'], rules: { 'no-restricted-syntax': ['error', NO_DEFAULT_EXPORT, ...NO_ENVIRONMENT] } },
  restrictImports(['src/**'], null),
  ...folders.map(({ name }) => restrictImports([`src/${name}/**`], name)),
  restrictImports(['src/model-server/rest/**'], 'model-server/rest'),
  restrictImports(['src/sources/gateway/**'], 'sources/gateway'),
  // Whoever builds a stand-in answers with promises that have nothing to wait for, and hands single functions of it around.
  { files: ['test/**', 'bench/**'], rules: { '@typescript-eslint/require-await': 'off', '@typescript-eslint/unbound-method': 'off' } },
  { files: ['*.config.{js,ts}', 'web/*.ts', 'bin/*.js', 'scripts/**/*.mjs', 'docs/**/*.mjs'], extends: [tseslint.configs.disableTypeChecked] },
  { files: ['docs/**/*.mjs'], rules: { 'no-console': 'off' } },
  { files: ['**/*.{js,mjs}'], languageOptions: { globals: { process: 'readonly', URL: 'readonly', fetch: 'readonly', console: 'readonly', setTimeout: 'readonly', clearTimeout: 'readonly', Buffer: 'readonly', AbortSignal: 'readonly' } } },
);
