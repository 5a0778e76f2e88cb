import ts from 'typescript';

/** What the rules are applied to. */
export type Tree = {
  /** Text of each TypeScript file, keyed by its path from the root, with `/`: `src/core/frames.ts`. */
  readonly files: ReadonlyMap<string, string>;
  /** Names of packages that the installed package brings along or declares as peers. */
  readonly packages: ReadonlySet<string>;
};

type Import = {
  readonly from: string;
  readonly specifier: string;
  readonly typeOnly: boolean;
  /** Path inside the tree, or `null` for a package or a module of Node. */
  readonly target: string | null;
};

/** Folders of `src` and what each may import beside itself: `values` anything, `types` only types. DESIGN.md, part 2. */
const FOLDERS: Readonly<Record<string, { readonly values: readonly string[]; readonly types: readonly string[] }>> = {
  core: { values: [], types: [] },
  telemetry: { values: ['core'], types: [] },
  config: {
    values: ['core'],
    types: ['ffmpeg', 'sources', 'demo', 'batching', 'serving', 'detection', 'annotation', 'viewers', 'model-server', 'pipeline', 'telemetry'],
  },
  ffmpeg: { values: ['core'], types: ['telemetry'] },
  demo: { values: ['core', 'ffmpeg'], types: ['telemetry'] },
  sources: { values: ['core', 'ffmpeg', 'demo'], types: ['telemetry'] },
  batching: { values: ['core'], types: ['telemetry'] },
  serving: { values: ['core'], types: ['telemetry'] },
  detection: { values: ['core', 'serving'], types: ['telemetry'] },
  annotation: { values: ['core'], types: ['telemetry'] },
  viewers: { values: ['core'], types: ['telemetry'] },
  'model-server': { values: ['core', 'serving'], types: ['telemetry'] },
  pipeline: { values: ['core', 'ffmpeg', 'sources', 'demo', 'batching', 'serving', 'detection', 'annotation', 'viewers'], types: ['telemetry'] },
  cli: { values: ['*'], types: ['*'] },
};

/** Folders inside a stage and what each may import values from, beside itself and the stage's own files. The table is in the stage's README.md. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  'detection/contract': [],
  'detection/backend': ['detection/contract'],
  'detection/pool': ['detection/contract', 'detection/backend'],
  // The default model's servable is made by exporting it.
  'model-server/store': ['model-server/export'],
  'model-server/export': ['model-server/store'],
  'model-server/recipe': ['model-server/store'],
  'model-server/engines': ['model-server/store', 'model-server/recipe'],
  'model-server/workers': ['model-server/store', 'model-server/engines'],
  'sources/gateway': [],
  'sources/frames': [],
  'sources/opening': ['sources/gateway'],
  'sources/run': ['sources/opening', 'sources/gateway', 'sources/frames'],
  'sources/live': ['sources/run', 'sources/opening', 'sources/gateway', 'sources/frames'],
  'sources/replay': ['sources/run', 'sources/opening', 'sources/frames'],
};

/** Files that compose: they may import anything. `model-server/main.ts` and `engine-process.ts` are entries of processes of their own. */
const COMPOSERS: readonly string[] = ['src/service.ts', 'src/service-streams.ts', 'src/service-stream-options.ts', 'src/service-source-test.ts', 'src/service-reload.ts', 'src/index.ts', 'src/model-server/main.ts', 'src/model-server/workers/engine-process.ts'];

/** Entries of a process: they run on import, nothing else does. */
const ENTRIES: readonly string[] = ['src/model-server/main.ts', 'src/model-server/workers/engine-process.ts', 'web/src/main.ts', 'web/src/embed.ts'];

/** Modules that have a door, and the folders that are it. */
const DOORS: readonly { readonly modules: RegExp; readonly folders: readonly string[] }[] = [
  { modules: /^canvas$/, folders: ['src/annotation/', 'src/demo/'] },
  { modules: /^@grpc\//, folders: ['src/serving/'] },
  { modules: /^(node:)?child_process$/, folders: ['src/ffmpeg/', 'src/model-server/'] },
  { modules: /^fluent-ffmpeg$/, folders: ['src/ffmpeg/'] },
  { modules: /^(ws|hono(\/.*)?|@hono\/.*)$/, folders: ['src/viewers/', 'src/model-server/rest/'] },
  // The gateway is a proxy: the one HTTP server that serves ffmpeg and not people.
  { modules: /^(node:)?(http|https|http2)$/, folders: ['src/viewers/', 'src/model-server/rest/', 'src/sources/gateway/'] },
  { modules: /^rxjs(\/.*)?$/, folders: ['src/pipeline/'] },
  { modules: /^@tensorflow\//, folders: ['src/model-server/'] },
];

/** What the page may take from the service: the vocabulary and the messages. */
const SHARED_WITH_WEB = /^src\/(core\/|viewers\/protocol\.ts$)/;

const MAX_LINES = 300;

/** Applies DESIGN.md's rules of direction to a tree.
 * @returns one line for each violation, naming the file; empty when there is none */
export function findViolations(tree: Tree): readonly string[] {
  const sources = [...tree.files].map(([path, text]) => ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true));
  const imports = sources.flatMap((source) => readImports(source, tree));
  return [
    ...sources.flatMap(checkFile),
    ...imports.flatMap((entry) => [...checkDirection(entry), ...checkRooms(entry), ...checkDoors(entry), ...checkPackage(entry, tree)]),
    ...findCycles(imports),
  ];
}

function checkFile(source: ts.SourceFile): string[] {
  const path = source.fileName;
  const violations: string[] = [];
  const folder = /^src\/([^/]+)\//.exec(path)?.[1];
  if (folder !== undefined && FOLDERS[folder] === undefined) violations.push(`${path}: src/${folder}/ is not a folder of the design`);
  if (folder === undefined && path.startsWith('src/') && !COMPOSERS.includes(path)) violations.push(`${path}: only service.ts, its parts and index.ts lie in src/ itself`);
  const lines = source.text.trimEnd().split('\n').length;
  if (lines > MAX_LINES) violations.push(`${path}: ${String(lines)} lines, at most ${String(MAX_LINES)}`);
  if (!ENTRIES.includes(path)) {
    const acting = source.statements.find((statement) => hasEffect(statement));
    if (acting !== undefined) violations.push(`${path}:${String(lineOf(source, acting))}: does something on import`);
  }
  visit(source, (node) => {
    if (ts.isExportAssignment(node) || hasModifier(node, ts.SyntaxKind.DefaultKeyword)) violations.push(`${path}:${String(lineOf(source, node))}: default export`);
    if (readsEnvironment(node) && !path.startsWith('src/config/')) violations.push(`${path}:${String(lineOf(source, node))}: process.env outside src/config/`);
  });
  return violations;
}

function checkDirection({ from, target, typeOnly }: Import): string[] {
  if (target === null) return [];
  if (from.startsWith('web/')) return target.startsWith('web/') || SHARED_WITH_WEB.test(target) ? [] : [`${from}: the page imports ${target}`];
  if (!target.startsWith('src/')) return [`${from}: imports ${target} from outside src/`];
  if (COMPOSERS.includes(from)) return [];
  const [, own = ''] = from.split('/');
  const [, other = ''] = target.split('/');
  const allowed = FOLDERS[own];
  if (allowed === undefined || own === other || allowed.values.includes('*') || allowed.values.includes(other)) return [];
  if (allowed.types.includes(other)) return typeOnly ? [] : [`${from}: imports more than types from ${target}`];
  return [`${from}: ${own}/ may not import ${target}`];
}

function checkRooms({ from, target, typeOnly }: Import): string[] {
  const [own = '', other = ''] = [from, target ?? ''].map((path) => /^src\/([^/]+\/[^/]+)\//.exec(path)?.[1]);
  const allowed = ROOMS[own];
  if (typeOnly || allowed === undefined || own === other || ROOMS[other] === undefined || allowed.includes(other)) return [];
  return [`${from}: ${own}/ may not import ${String(target)}`];
}

function checkDoors({ from, specifier }: Import): string[] {
  if (!from.startsWith('src/')) return [];
  const door = DOORS.find(({ modules }) => modules.test(specifier));
  if (door === undefined || door.folders.some((folder) => from.startsWith(folder))) return [];
  return [`${from}: ${specifier} is only for ${door.folders.join(' and ')}`];
}

function checkPackage({ from, specifier, target }: Import, { packages }: Tree): string[] {
  if (target !== null || specifier.startsWith('node:') || !from.startsWith('src/')) return [];
  if (specifier.startsWith('.')) return [`${from}: ${specifier} does not exist`];
  const name = specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
  return packages.has(name) ? [] : [`${from}: ${name} is not a dependency of the package`];
}

/** Value imports that lead back to where they started, each cycle once. */
function findCycles(imports: readonly Import[]): string[] {
  const edges = new Map<string, string[]>();
  for (const { from, target, typeOnly } of imports) {
    if (target !== null && !typeOnly) edges.set(from, [...(edges.get(from) ?? []), target]);
  }
  const done = new Set<string>();
  const cycles: string[] = [];
  const walk = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) cycles.push(`cycle: ${[...trail.slice(start), path].join(' → ')}`);
    if (start >= 0 || done.has(path)) return;
    for (const next of edges.get(path) ?? []) walk(next, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) walk(path, []);
  return cycles;
}

function readImports(source: ts.SourceFile, tree: Tree): Import[] {
  const found: Import[] = [];
  const add = (literal: ts.Node | undefined, typeOnly: boolean): void => {
    if (literal === undefined || !ts.isStringLiteralLike(literal)) return;
    found.push({ from: source.fileName, specifier: literal.text, typeOnly, target: resolve(source.fileName, literal.text, tree) });
  };
  visit(source, (node) => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeOnlyImport(node));
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true);
    else if (ts.isCallExpression(node) && (node.expression.kind === ts.SyntaxKind.ImportKeyword || node.expression.getText(source) === 'require')) add(node.arguments[0], false);
  });
  return found;
}

function isTypeOnlyImport({ importClause }: ts.ImportDeclaration): boolean {
  if (importClause === undefined) return false;
  if (importClause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const bindings = importClause.namedBindings;
  return importClause.name === undefined && bindings !== undefined && ts.isNamedImports(bindings) && bindings.elements.length > 0 && bindings.elements.every((element) => element.isTypeOnly);
}

/** @returns the path in the tree that a relative specifier means, or `null` */
function resolve(from: string, specifier: string, { files }: Tree): string | null {
  if (!specifier.startsWith('.')) return null;
  const parts = from.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  const path = parts.join('/');
  const candidates = [path.replace(/\.js$/, '.ts'), path, `${path}.ts`, `${path}/index.ts`];
  return candidates.find((candidate) => files.has(candidate)) ?? null;
}

function hasEffect(statement: ts.Statement): boolean {
  if (ts.isExpressionStatement(statement)) return !ts.isStringLiteral(statement.expression);
  return ts.isIfStatement(statement) || ts.isIterationStatement(statement, false) || ts.isTryStatement(statement) || ts.isBlock(statement) || ts.isThrowStatement(statement);
}

function readsEnvironment(node: ts.Node): boolean {
  if (ts.isPropertyAccessExpression(node)) return node.expression.getText() === 'process' && node.name.text === 'env';
  if (ts.isElementAccessExpression(node)) return node.expression.getText() === 'process' && ts.isStringLiteralLike(node.argumentExpression) && node.argumentExpression.text === 'env';
  if (ts.isVariableDeclaration(node)) return node.initializer?.getText() === 'process' && ts.isObjectBindingPattern(node.name) && node.name.elements.some((element) => (element.propertyName ?? element.name).getText() === 'env');
  return ts.isImportSpecifier(node) && (node.propertyName ?? node.name).text === 'env' && /['"](node:)?process['"]/.test(node.parent.parent.parent.moduleSpecifier.getText());
}

function hasModifier(node: ts.Node, kind: ts.SyntaxKind): boolean {
  return ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some((modifier) => modifier.kind === kind);
}

function lineOf(source: ts.SourceFile, node: ts.Node): number {
  return source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
}

function visit(node: ts.Node, action: (node: ts.Node) => void): void {
  action(node);
  node.forEachChild((child) => {
    visit(child, action);
  });
}
