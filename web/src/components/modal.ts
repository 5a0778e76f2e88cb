import { button, el } from '../dom.js';

/** A dialog over the page: a title, what it is about, and buttons below. Escape and a click beside it close it. */
export function modal(title: string, name: string, content: readonly Node[], buttons: readonly HTMLButtonElement[]): HTMLDialogElement {
  const titleId = `${name}-title`;
  const dialog = el('dialog', { class: 'modal', attributes: { 'aria-labelledby': titleId, 'data-dialog': name } });
  const cancel = button({ class: 'text-button', text: 'Cancel' }, () => { dialog.close(); });
  dialog.append(el('h2', { text: title, attributes: { id: titleId } }), ...content, el('div', { class: 'buttons' }, ...buttons, cancel));
  // A click beside the dialog lands on its backdrop, which is the dialog element itself; a drag that began inside is none.
  dialog.addEventListener('pointerdown', (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener('close', () => { dialog.remove(); });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
