// What the plug-in does: it counts purchases, and finds the words with which to greet.

import type { Customer, Diagnostic, Event, Panel, Plugin, Result, Tx } from './sdk';
import en from '../locales/en.json';
import es from '../locales/es.json';

/** What is kept of a customer. */
interface Account {
  purchases: number;
  /** Receipt of the last purchase. */
  last?: string;
}

const none: Account = { purchases: 0 };

export const plugin: Plugin = {
  id: 'PLG9006',
  version: '1.0.0',
  events: { 'sale.completed': count },
  actions: { saludar: greet },
  panels: { compras: show },
  validate: { PLG9006Saludo: judge },
};

/** Counts a purchase. Every so many of them a note stays in the customer's history. */
async function count(tx: Tx, event: Event): Promise<void> {
  if (!event.customer?.id) return;
  const account: Account = { purchases: tx.record(none).purchases + 1, last: event.saleCompleted?.sale?.receipt };
  tx.save(account);
  tx.put('total', (await tx.get('total', 0)) + 1);
  const each = Number(tx.setting('PLG9006CadaCuantas') ?? 10);
  if (each > 1 && account.purchases % each === 0) {
    tx.note(say(tx, 'milestone', { n: account.purchases }));
  }
}

/** The button: the words for this customer. */
function greet(tx: Tx, form: Record<string, string>, customer: Customer | null): Result {
  const account = tx.record(none);
  if (account.purchases === 0) {
    const diagnostic: Diagnostic = { severity: 'SEVERITY_ERROR', summary: say(tx, 'nothing_yet'), code: 'nothing_yet' };
    return { diagnostics: [diagnostic] };
  }
  const name = (customer?.name ?? '').split(' ')[0];
  const words = String(tx.setting('PLG9006Saludo') ?? '');
  const greeting = words.replaceAll('{nombre}', name).replaceAll('{compras}', String(account.purchases));
  return { message: form.tono === 'formal' ? say(tx, 'formal', { greeting }) : greeting };
}

/** The block on the customer's sheet. */
async function show(tx: Tx): Promise<Panel> {
  const account = tx.record(none);
  const rows = [{ label: say(tx, 'purchases'), value: String(account.purchases) }];
  if (account.last) rows.push({ label: say(tx, 'last'), value: account.last });
  rows.push({ label: say(tx, 'total'), value: String(await tx.get('total', 0)) });
  return { rows };
}

/** Braces other than those that it knows are mistakes of whoever typed them. */
export function judge(tx: Pick<Tx, 'language'>, value: unknown): Diagnostic[] {
  const unknown = [...String(value).matchAll(/\{([^}]*)\}/g)].map((m) => m[1]).filter((w) => w !== 'nombre' && w !== 'compras');
  return unknown.map((word) => ({ severity: 'SEVERITY_ERROR', summary: say(tx, 'unknown_word', { word }), code: 'unknown_word' }));
}

/** A sentence in the person's language. */
function say(tx: Pick<Tx, 'language'>, key: keyof typeof es, values: Record<string, unknown> = {}): string {
  const text: string = (tx.language.startsWith('en') ? en : es)[key];
  return Object.entries(values).reduce((said, [name, value]) => said.replaceAll(`{${name}}`, String(value)), text);
}
