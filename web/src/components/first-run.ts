import { button, el, icon } from '../dom.js';

const EXAMPLE = `id: front-door
name: Front door
source: rtsp://user:\${DOOR_PASSWORD}@192.168.1.20/stream1
fps: 5
`;
const COMMAND = 'DOOR_PASSWORD=… npx sightline serve --streams streams';

/** What stands where the streams would be while there are none: how to add the first.
 * @param actions what whoever may change streams can do; `null` for others */
export function firstRun(actions: { readonly onAdd: () => void; readonly onDemo: () => void } | null): HTMLElement {
  const here = actions === null ? [] : [
    el('p', { text: 'Add a camera or a recording here, or watch the simulated one.' }),
    el('div', { class: 'buttons' }, button({ class: 'solid-button', text: 'Add a stream' }, actions.onAdd), button({ class: 'text-button outlined', text: 'Watch the demo' }, actions.onDemo)),
  ];
  return el(
    'section',
    { class: 'message', attributes: { 'data-message': 'first-run' } },
    el('h1', { text: 'No streams yet' }),
    ...here,
    el('p', {}, text(actions === null ? 'A stream is one YAML file. Save this as ' : 'Or by file, one a stream: save this as '), code('streams/front-door.yaml'), text(' with your camera’s address in it:')),
    sample('Copy the example', EXAMPLE),
    el('p', {}, text('and start Sightline on that folder:')),
    sample('Copy the command', COMMAND),
    el('p', { class: 'muted' }, text('A path as source plays a recording.')),
  );
}

function sample(label: string, content: string): HTMLElement {
  const copy = button({ class: 'tool', attributes: { 'aria-label': label, title: label } }, () => {
    navigator.clipboard.writeText(content).then(
      () => { copy.dataset['done'] = ''; },
      // Refused by the browser: the text is there to be selected.
      () => { copy.hidden = true; },
    );
  }, icon('copy'));
  // Browsers offer the clipboard only where the connection is trusted.
  copy.hidden = !('clipboard' in navigator);
  return el('div', { class: 'sample' }, el('pre', {}, code(content)), copy);
}

function code(content: string): HTMLElement {
  return el('code', { text: content });
}

function text(content: string): Text {
  return document.createTextNode(content);
}
