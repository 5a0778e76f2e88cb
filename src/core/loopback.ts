import { isIP } from 'node:net';

/** Whether an address or host name can be reached from this machine only. */
export function isLoopbackHost(host: string): boolean {
  if (isIP(host) === 4) return host.startsWith('127.');
  return host === '::1' || host.toLowerCase() === 'localhost';
}
