import { createHash } from 'node:crypto';
import { Command, CommanderError } from 'commander';
import { describe, expect, it, vi } from 'vitest';
import { main } from '../../src/cli/main.js';
import { tokenCommand } from '../../src/cli/token.js';
import { TokenGate } from '../../src/viewers/tokens.js';
import { load } from '../config/config-folder.js';

/** Runs the command and gives what it wrote to each of its outputs. */
async function makeToken(...args: readonly string[]): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const written = { stdout: '', stderr: '' };
  const output = { stdout: { write: (text: string) => (written.stdout += text) }, stderr: { write: (text: string) => (written.stderr += text) } };
  await new Command().addCommand(tokenCommand(output)).parseAsync(['token', ...args], { from: 'user' });
  return written;
}

describe('sightline token', () => {
  it('writes the token alone to standard output, and a configuration that takes it to standard error', async () => {
    const { stdout, stderr } = await makeToken();
    expect(stdout).toMatch(/^sl_[A-Za-z0-9_-]{43}\n$/);
    const { server } = await load({ 'sightline.yaml': stderr, 'streams/a.yaml': 'source: a.mp4' });
    const sha256 = createHash('sha256').update(stdout.trim()).digest('hex');
    expect(server.tokens).toEqual([{ name: `token-${sha256.slice(0, 8)}`, sha256, role: 'viewer' }]);
    expect(new TokenGate(server.tokens).identify(stdout.trim())?.role).toBe('viewer');
    expect(stderr).not.toContain(stdout.trim());
  });

  it('puts name, role, streams and expiry into the configuration, whatever the name holds', async () => {
    const { stderr } = await makeToken('--name', 'lobby: "wall" #1', '--role', 'operator', '--streams', 'front-door, yard,yard', '--expires', '2999-01-31');
    const { server } = await load({ 'sightline.yaml': stderr, 'streams/a.yaml': 'source: a.mp4' });
    expect(server.tokens).toMatchObject([{ name: 'lobby: "wall" #1', role: 'operator', streams: ['front-door', 'yard'], expires: '2999-01-31' }]);
  });

  it.each([
    [['--role', 'admin']],
    [['--streams', '']],
    [['--streams', 'a b']],
    [['--streams', '../etc']],
    [['--expires', 'soon']],
    [['--expires', '2027-13-45']],
    [['--expires', '2020-01-01']],
    [['--name', '']],
    [['--name', 'a\nb']],
    [['--name', 'x'.repeat(65)]],
    [['--nmae', 'x']],
    [['extra']],
  ])('takes no %j and makes no token', async (args) => {
    let written = '';
    const write = (text: string): void => void (written += text);
    const command = tokenCommand({ stdout: { write }, stderr: { write } }).exitOverride().configureOutput({ writeErr: () => undefined });
    await expect(command.parseAsync(args, { from: 'user' })).rejects.toBeInstanceOf(CommanderError);
    expect(written).toBe('');
  });

  it('ends with 2 on wrong usage', async () => {
    const out = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    const err = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    try {
      expect(await main(['node', 'sightline', 'token', '--role', 'admin'])).toBe(2);
      expect(out).not.toHaveBeenCalled();
      expect(err.mock.calls.map(([text]) => String(text)).join('')).toMatch(/error: .*--role/);
    } finally {
      out.mockRestore();
      err.mockRestore();
    }
  });
});
