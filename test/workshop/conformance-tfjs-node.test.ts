import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { makeSandbox, type Sandbox } from './sandbox.js';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

// Elsewhere it says so and does nothing.
describe.skipIf(process.platform !== 'linux')('the tfjs-node of the conformance tests', () => {
  test('is installed without its scripts, compiled against the TensorFlow of Python, and then there', async () => {
    const sandbox = workingSandbox();
    const module = join(sandbox.root, 'there/node_modules/@tensorflow/tfjs-node');
    expect(await prepare(sandbox)).toEqual({ module });
    const [npm = '', compiler = ''] = sandbox.calls();
    expect(sandbox.calls()).toHaveLength(2);
    expect(npm).toMatch(/^npm install --ignore-scripts .*@tensorflow\/tfjs-node@4\.22\.0$/);
    expect(compiler).toContain(`-I ${sandbox.root}/headers/include/node -I ${sandbox.root}/tensorflow/include ${module}/binding/tfjs_backend.cc ${module}/binding/tfjs_binding.cc`);
    expect(compiler).toContain(`-Wl,-rpath,${sandbox.root}/tensorflow`);
    expect(await prepare(sandbox)).toEqual({ module });
    expect(sandbox.calls()).toHaveLength(2);
  });

  test.each([
    { title: "Node's headers are missing", change: (sandbox: Sandbox) => { sandbox.write('no-headers', ''); }, obstacle: /Node's headers .*libnode-dev/, started: 0 },
    { title: 'the wheel lacks the library', change: (sandbox: Sandbox) => { sandbox.standIn('python', 'echo /nowhere'); }, obstacle: /has no libtensorflow_cc\.so\.2 in \/nowhere$/, started: 0 },
    { title: 'npm fails', change: (sandbox: Sandbox) => { sandbox.standIn('npm', 'echo "npm $*" >> "$CALLS"; echo first; echo "npm error 404"; echo "npm error A complete log"; exit 1'); }, obstacle: /^@tensorflow\/tfjs-node could not be installed: npm error 404$/, started: 1 },
    { title: 'the compiler fails', change: (sandbox: Sandbox) => { sandbox.standIn('g++', 'echo "g++ $*" >> "$CALLS"; echo "a.cc:1: error: no member"; echo "  ^~~~"; exit 1'); }, obstacle: /^its binding does not compile: a\.cc:1: error: no member$/, started: 2 },
    { title: 'what was compiled does not load', change: (sandbox: Sandbox) => { sandbox.write('broken', ''); }, obstacle: /^it does not load: error: libtensorflow is broken$/, started: 2 },
  ])('says that $title, each time anew', async ({ change, obstacle, started }) => {
    const sandbox = workingSandbox();
    change(sandbox);
    for (const times of [1, 2]) {
      expect(await prepare(sandbox)).toEqual({ obstacle: expect.stringMatching(obstacle) as string });
      expect(sandbox.calls()).toHaveLength(times * started);
    }
  });

  test('says that there is no compiler', async () => {
    expect(await prepare(workingSandbox({ compiler: false }))).toEqual({ obstacle: 'g++ is needed to compile its binding (Debian: g++)' });
  });
});

/** Where everything is at hand: a TensorFlow, headers, an npm whose package loads, and a compiler. */
function workingSandbox({ compiler = true } = {}): Sandbox {
  const sandbox = makeSandbox();
  closers.push(sandbox.close);
  symlinkSync(process.execPath, join(sandbox.root, '.path/node'));
  mkdirSync(join(sandbox.root, 'tensorflow'));
  writeFileSync(join(sandbox.root, 'tensorflow/libtensorflow_cc.so.2'), '');
  sandbox.standIn('python', 'echo "$HOME/tensorflow"');
  const packageFolder = 'node_modules/@tensorflow/tfjs-node';
  sandbox.standIn('npm', `echo "npm $*" >> "$CALLS"; mkdir -p ${packageFolder}; if [ -f "$HOME/broken" ]; then echo 'throw new Error("libtensorflow is broken")' > ${packageFolder}/index.js; else echo > ${packageFolder}/index.js; fi`);
  if (compiler) sandbox.standIn('g++', 'echo "g++ $*" >> "$CALLS"');
  sandbox.write(
    'scripts/prepare.mjs',
    `import { existsSync } from 'node:fs';
    import { prepareTfjsNode } from './lib/conformance-tfjs-node.mjs';
    const root = process.env.HOME;
    const headers = existsSync(root + '/no-headers') ? null : root + '/headers';
    console.log(JSON.stringify(await prepareTfjsNode({ python: 'python', folder: root + '/there', headers })));`,
  );
  return sandbox;
}

async function prepare(sandbox: Sandbox): Promise<unknown> {
  const { code, stdout, stderr } = await sandbox.run('scripts/prepare.mjs');
  expect({ code, stderr: stderr.split('\n').filter((line) => line.startsWith('Error')) }).toEqual({ code: 0, stderr: [] });
  return JSON.parse(stdout);
}
