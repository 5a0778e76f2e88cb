import { SeededRandom } from './seeded-random.js';

/** Spellings of "the folder above" and of a separator that some decoder somewhere takes for one. */
const UPS = ['..', '%2e%2e', '.%2e', '%2E.', '%252e%252e', '%c0%ae%c0%ae', '%uff0e%uff0e', '..%00', '..;', '...', '%ef%bc%8e%ef%bc%8e', '.%09.'] as const;
const SEPARATORS = ['/', '%2f', '%2F', '\\', '%5c', '%252f', '%c0%af', '//', '/./', '%ef%bc%8f'] as const;

/** Where the page of a test has its neighbours, and what its folder must not give away; see `makeWebRoot`. */
const SECRETS = ['secret.txt', 'web-secret/secret.txt', 'web/.env', 'web/link.txt', 'web/linked/secret.txt', 'etc/passwd', 'proc/self/environ'] as const;

/** What is asked for as a file of the page, as it stands in the request: none of it is one. */
export function hostilePaths(): readonly string[] {
  const climbs = UPS.flatMap((up) => SEPARATORS.flatMap((separator) => ['', '/assets', '/index.html', '/embed'].map((start) => `${start}/${up}${separator}secret.txt`)));
  const random = new SeededRandom(20_260_801);
  const mixed = Array.from({ length: 200 }, () => {
    const steps = Array.from({ length: random.integer(1, 8) }, () => `${random.pick(UPS)}${random.pick(SEPARATORS)}`);
    return `/${random.pick(['', 'assets/', 'api/streams/', 'api/streams/door/', 'ws/', 'healthz/'])}${steps.join('')}${random.pick(SECRETS)}`;
  });
  const absolute = ['/etc/passwd', '//etc/passwd', '///etc/passwd', '/%2fetc%2fpasswd', '/%2f%2fetc/passwd', '/file:///etc/passwd', '/C:/windows/win.ini', '/C:%5cwindows', '/\\\\server\\share', '/proc/self/environ', '/dev/stdin', '/~/secret.txt', '/~root/.ssh/id_rsa'];
  const inside = ['/link.txt', '/link%2etxt', '/linked', '/linked/', '/linked/secret.txt', '/linked%2fsecret.txt', '/assets/outside.js', '/assets/loop.js', '/assets/pipe.js', '/assets', '/assets/', '/.env', '/%2eenv', '/assets/.hidden.js', '/assets/.git/config', '/index.html/', '/index.html%00', '/index.html%00.js', '/index.html::$DATA', '/INDEX.HTML', '/index.html.', '/index.html%20', '/%', '/%f', '/%ff', '/%zz', '/%00', '/a%0d%0aX-Made: up', `/${'a'.repeat(4096)}`, `/${'../'.repeat(2000)}secret.txt`];
  return [...new Set([...climbs, ...mixed, ...absolute, ...inside])];
}

/** What is given as the name of a stream, as it stands in a path: none of it is one. */
export function hostileStreamNames(): readonly string[] {
  const climbs = UPS.flatMap((up) => SEPARATORS.flatMap((separator) => [`${up}${separator}door`, `door${separator}${up}${separator}yard`, `${up}${separator}${up}${separator}etc${separator}passwd`]));
  const odd = ['%00', 'door%00', 'door%0a', 'door%0d%0aX-Made:%20up', 'door%20', '%20door', 'do%6fr%2e', 'd%C3%B6%C3%B6r', '__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype', '%5f%5fproto%5f%5f', 'a'.repeat(65), 'a'.repeat(8000), '*', 'door,yard', 'door;yard', "door'--", 'door%22', '%3Cscript%3E', '${door}', '{{door}}', '%ff', '%', '%zz', 'door%2fsnapshot.jpg', 'DOOR', 'door.', '.door', '-', '_', '-rf'];
  return [...new Set([...climbs, ...odd])];
}
