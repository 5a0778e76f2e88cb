import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { numberedClip } from '../helpers/clips.js';
import { tokenYaml, usePageService } from '../helpers/page-service.js';
import { until } from '../helpers/until.js';
import { shownSeq } from '../helpers/viewer-page.js';

const fixture = usePageService();
const OPERATOR = 'operator-token-of-a-test';
const VIEWER = 'viewer-token';

async function open(tokens: string): Promise<{ page: Page; problems: string[]; url: string; log: () => string }> {
  const clip = await numberedClip({ name: 'sign-in.mp4', frames: 250 });
  await fixture.write({
    'sightline.yaml': `server:\n  tokens:\n${tokens}`,
    'streams/door.yaml': `name: The door\nsource: ${clip}\nmode: live\nloop: true\n`,
    'streams/yard.yaml': `name: The yard\nsource: ${clip}\nmode: live\nloop: true\n`,
  });
  const { url, command } = await fixture.serve('--backend', fixture.endpoint, '--streams', 'streams');
  const { page, problems } = await fixture.open();
  await page.goto(`${url}/`);
  await until(() => page.locator('[data-message="sign-in"]').isVisible());
  return { page, problems, url, log: () => command.stdout + command.stderr };
}

async function signIn(page: Page, token: string): Promise<void> {
  await page.getByLabel('Token').fill(token);
  await page.keyboard.press('Enter');
}

describe('signing in', () => {
  it('takes a token once, keeps it out of reach of scripts, and holds over a reload until signing out', async () => {
    const { page, url, log } = await open(tokenYaml(OPERATOR, 'operator'));
    expect(await page.locator('[data-stream]').count()).toBe(0);
    await signIn(page, 'not-the-token');
    await until(async () => (await page.locator('[role="alert"]').last().textContent()) === 'This token is not valid.');
    await signIn(page, OPERATOR);
    await until(async () => (await shownSeq(page, 'door')) > 2);
    expect(await page.evaluate(() => document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage))).not.toContain(OPERATOR);
    const cookies = await page.context().cookies();
    expect(cookies).toMatchObject([{ httpOnly: true, sameSite: 'Strict', path: '/' }]);

    await page.reload();
    await until(async () => (await shownSeq(page, 'door')) > 2);
    expect(await page.getByRole('button', { name: 'Add a stream' }).isVisible()).toBe(true);

    await page.getByRole('button', { name: 'Sign out' }).click();
    await until(() => page.locator('[data-message="sign-in"]').isVisible());
    expect(await page.context().cookies()).toEqual([]);
    expect((await page.request.get(`${url}/api/streams`)).status()).toBe(401);
    expect(log()).not.toContain(OPERATOR);
  });

  it('as a viewer of one stream shows that one, and nothing that changes it', async () => {
    const { page } = await open(tokenYaml(VIEWER, 'viewer', 'streams: [door]'));
    await signIn(page, VIEWER);
    await until(async () => (await shownSeq(page, 'door')) > 2);
    expect(await page.locator('[data-stream]').count()).toBe(1);
    expect(await page.getByRole('button', { name: 'Add a stream' }).isVisible()).toBe(false);
    await page.keyboard.press('a');
    expect(await page.locator('[data-dialog]').count()).toBe(0);
    await page.keyboard.press('1');
    await until(async () => (await page.locator('.stream-view').count()) === 1);
    expect(await page.getByRole('button', { name: 'Change …' }).isVisible()).toBe(false);
    expect(await page.getByRole('button', { name: 'Remove …' }).isVisible()).toBe(false);
  });

  it('ends when the token expires: the page says so, and shows nothing any more', async () => {
    const expires = new Date(Date.now() + 8000).toISOString();
    const { page } = await open(tokenYaml(VIEWER, 'viewer', `expires: ${expires}`));
    await signIn(page, VIEWER);
    await until(async () => (await shownSeq(page, 'door')) > 2);
    await until(async () => ((await page.locator('[data-message="sign-in"]').textContent({ timeout: 20_000 })) ?? '').includes('not valid any more'), { timeoutMs: 20_000 });
    expect(await page.locator('canvas').count()).toBe(0);
  });
});
