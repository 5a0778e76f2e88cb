import { ApiError } from '../api/api-client.js';
import { button, el, setText } from '../dom.js';
import { tickField } from './field.js';
import { modal } from './modal.js';

/** Asks before a stream is removed.
 * @param persisted whether it stands in a file, from which it would come back
 * @param remove rejects with an {@link ApiError} */
export function askToRemove(stream: { readonly name: string; readonly persisted: boolean }, remove: (persist: boolean) => Promise<void>): void {
  const error = el('p', { class: 'result', attributes: { role: 'status', 'data-kind': 'bad' } });
  const file = tickField({ name: 'persist', label: 'Delete its file too', help: 'Else it comes back when the service starts again' });
  file.value = 'true';
  const act = async (): Promise<void> => {
    confirm.disabled = true;
    try {
      await remove(stream.persisted && file.value !== '');
      dialog.close();
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      setText(error, problem.message);
    } finally {
      confirm.disabled = false;
    }
  };
  const confirm = button({ class: 'solid-button', text: 'Remove' }, () => { void act(); });
  const about = el('p', { text: 'It stops for everybody who watches it.' });
  const dialog = modal(`Remove “${stream.name}”?`, 'remove', [about, ...(stream.persisted ? [file.element] : []), error], [confirm]);
}
