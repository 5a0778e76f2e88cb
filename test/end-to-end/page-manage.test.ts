import { copyFile, mkdir, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import type { StreamStatus } from '../../src/core/stream-status.js';
import { numberedClip } from '../helpers/clips.js';
import { usePageService } from '../helpers/page-service.js';
import { until } from '../helpers/until.js';
import { shownSeq } from '../helpers/viewer-page.js';

const fixture = usePageService();

/** Starts a service that may play recordings of a folder, without streams, and opens its page. */
async function openEmpty(): Promise<{ page: Page; problems: string[]; url: string; clip: string }> {
  await mkdir(join(fixture.folder, 'videos'));
  const clip = join(fixture.folder, 'videos', 'Yard 1.mp4');
  await copyFile(await numberedClip({ name: 'manage.mp4', frames: 250 }), clip);
  await fixture.write({ 'sightline.yaml': 'sources: { roots: [videos], networks: [loopback] }\n' });
  const { url } = await fixture.serve('--backend', fixture.endpoint, '--streams', 'streams');
  const { page, problems } = await fixture.open({ viewport: { width: 1000, height: 800 } });
  await page.goto(`${url}/`);
  await until(() => page.locator('[data-message="first-run"]').isVisible());
  return { page, problems, url, clip };
}

const dialogOf = (page: Page): ReturnType<Page['locator']> => page.locator('[data-dialog="stream"]');
async function statusOf(url: string, id: string): Promise<StreamStatus> {
  return (await (await fetch(`${url}/api/streams/${id}`)).json()) as StreamStatus;
}

describe('streams in the page', () => {
  it('are added after a test of the source, changed without a gap where that needs none, and removed with their file', async () => {
    const { page, problems, url, clip } = await openEmpty();
    await page.getByRole('button', { name: 'Add a stream' }).last().click();
    await page.getByLabel('Source', { exact: true }).fill(clip);
    expect(await page.getByLabel('Id', { exact: true }).inputValue()).toBe('yard-1');
    await page.getByLabel('Name', { exact: true }).fill('The yard');
    expect(await page.getByLabel('Id', { exact: true }).inputValue()).toBe('the-yard');
    await page.getByLabel('Keep it after a restart').check();
    await page.getByRole('button', { name: 'Test the source' }).click();
    await until(async () => (await page.locator('.result').textContent())?.startsWith('It opens · 160 × 96 · 25 fps'));
    await dialogOf(page).getByRole('button', { name: 'Add', exact: true }).click();
    await until(async () => (await dialogOf(page).count()) === 0 && (await shownSeq(page, 'the-yard')) > 3);
    expect(await readdir(join(fixture.folder, 'streams'))).toEqual(['the-yard.yaml']);
    expect(await page.locator('.tile-name').textContent()).toBe('The yard');

    // A name needs no other source: frames go on counting.
    await page.keyboard.press('1');
    await page.getByRole('button', { name: 'Change …' }).click();
    await page.getByLabel('Name', { exact: true }).fill('Yard, north');
    const before = await statusOf(url, 'the-yard');
    await dialogOf(page).getByRole('button', { name: 'Save' }).click();
    await until(async () => (await page.locator('h1').textContent()) === 'Yard, north');
    const after = await statusOf(url, 'the-yard');
    expect(after.counters.decoded).toBeGreaterThanOrEqual(before.counters.decoded);
    expect(after.restarts).toBe(before.restarts);
    expect(await readFile(join(fixture.folder, 'streams', 'the-yard.yaml'), 'utf8')).toContain('Yard, north');

    await page.getByRole('button', { name: 'Remove …' }).click();
    await page.locator('[data-dialog="remove"]').getByRole('button', { name: 'Remove' }).click();
    await until(async () => (await page.locator('.stream-view').count()) === 0);
    expect(await readdir(join(fixture.folder, 'streams'))).toEqual([]);
    expect((await fetch(`${url}/api/streams/the-yard`)).status).toBe(404);
    expect(problems).toEqual([]);
  });

  it('say at the field what is wrong with it, and elsewhere what does not open; that can be saved all the same', async () => {
    const { page } = await openEmpty();
    await page.keyboard.press('a');
    await page.getByLabel('Source', { exact: true }).fill('gopher://old');
    await page.getByLabel('At most this many frames a second').fill('many');
    await dialogOf(page).getByRole('button', { name: 'Add', exact: true }).click();
    await until(async () => (await page.locator('#field-source-error').textContent())?.includes('expected'));
    expect(await page.getByLabel('Source', { exact: true }).evaluate((input) => input === document.activeElement)).toBe(true);

    // Nothing listens there.
    await page.getByLabel('Source', { exact: true }).fill('rtsp://127.0.0.1:1/stream');
    await page.getByLabel('At most this many frames a second').fill('many');
    await page.getByLabel('Id', { exact: true }).fill('gate');
    const save = dialogOf(page).locator('button[type="submit"]');
    await save.click();
    await until(async () => ((await page.locator('.result').textContent()) ?? '') !== '' && (await save.textContent()) === 'Save all the same', { timeoutMs: 15_000 });
    await save.click();
    await until(async () => (await page.locator('#field-fps-error').textContent())?.includes('expected'));
    await page.getByLabel('At most this many frames a second').fill('');
    await save.click();
    await until(async () => (await page.locator('[data-stream="gate"]').count()) === 1);
    await page.keyboard.press('1');
    await until(async () => (await page.locator('.veil').textContent()) !== '');
  });

  it('are changed no further when the dialog is left', async () => {
    const { page, clip, url } = await openEmpty();
    await page.keyboard.press('a');
    await page.getByLabel('Source', { exact: true }).fill(clip);
    await page.keyboard.press('Escape');
    await until(async () => (await dialogOf(page).count()) === 0, { what: 'a dialog that is gone' });
    expect(await (await fetch(`${url}/api/streams`)).json()).toEqual({ streams: [] });
  });
});
