import { expect, it } from 'vitest';
import { overviewScreen, table, usd } from './screen.ts';

it('rounds money half up from its digits', () => {
  expect(usd('0.00005')).toBe('$0.0001');
  expect(usd('0.000049999999')).toBe('$0.0000');
  expect(usd('1234.5', 2)).toBe('$1234.50');
  expect(usd('0.995', 2)).toBe('$1.00');
});

it('aligns a table', () => {
  expect(table(['A', 'Cost'], [['Long name', '1']])).toBe('  A          Cost\n  ─────────  ────\n  Long name     1');
});

it('shows a client without a previous month as new and signs a rise', () => {
  const client = {
    clientName: 'Acme',
    openaiCost: '1',
    twilioSmsCost: '0',
    totalCost: '1',
    previousMonthCost: '0.5',
    costChangePercent: 100,
  };
  const fresh = { ...client, clientName: 'Fresh', previousMonthCost: null, costChangePercent: null };
  const totals = { totalCost: '2', openaiCost: '2', twilioSmsCost: '0', totalMessages: '0', averagePerClient: '1' };
  const screen = overviewScreen({
    month: '2026-02',
    clients: [client, fresh],
    totals: { ...totals, totalAiCalls: 2, activeClients: 2 },
  } as unknown as Parameters<typeof overviewScreen>[0]);
  expect(screen).toMatch(/Acme .*\$0\.5000 +\+100 %/);
  expect(screen).toMatch(/Fresh .*– +new/);
});
