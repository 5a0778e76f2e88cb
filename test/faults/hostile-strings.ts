/** Where hostile strings lead: all of these count who comes. */
export type Targets = {
  /** `port` of servers on 127.0.0.1: a web server and one that only listens. */
  readonly httpPort: number;
  readonly tcpPort: number;
  /** Port of a server on ::1. */
  readonly v6Port: number;
  /** Folder that sources may be in; `videos/inside.mp4`, `videos/deep/inside.mp4` and links lie there. */
  readonly root: string;
  /** Folder beside it that they may not be in, with the same file. */
  readonly outside: string;
};

/** A kind of hostile sources, and harmless ones that look like them. */
export type HostileKind = { readonly kind: string; readonly hostile: readonly string[]; readonly harmless: readonly string[] };

const METADATA = ['169.254.169.254', '169.254.170.2', '100.100.100.200', '192.0.0.192', '168.63.129.16', '[fd00:ec2::254]', '[fd20:ce::254]', '[::ffff:169.254.169.254]', '[64:ff9b::a9fe:a9fe]', '[2002:a9fe:a9fe::]', '2852039166', '0xa9fea9fe', '0251.0376.0251.0376', '169.16689662'];
const LOOPBACK = [
  '127.0.0.1', '127.1', '127.0.1', '127.255.255.254', '2130706433', '0x7f000001', '0x7f.1', '0X7F.0.0.1', '017700000001', '0177.0.0.1', '0177.1', '127.0.0.01', '127.0.0.1.', 'localhost', 'LOCALHOST', '[::1]', '[0:0:0:0:0:0:0:1]',
  '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::127.0.0.1]', '[64:ff9b::7f00:1]', '[2002:7f00:1::]', '[::ffff:0:127.0.0.1]', '0', '0.0.0.0', '[::]', '[::ffff:0.0.0.0]',
];
const ELSEWHERE = ['169.254.1.1', '[fe80::1]', '224.0.0.251', '239.255.255.250', '255.255.255.255', '100.64.0.1', '8.8.8.8', '[2606:4700::1111]', '192.0.2.1', '198.18.0.1', '[fec0::1]', '[ff02::1]', '[2001:db8::1]', '[64:ff9b:1::10.0.0.1]'];
/** Other characters for `127.0.0.1` and `localhost`. */
const LOOKALIKES = ['１２７.0.0.1', '①②⑦.⓪.⓪.①', '127。0。0。1', '127．0．0．1', '127｡0｡0｡1', 'ⓛⓞⓒⓐⓛⓗⓞⓢⓣ', 'ｌｏｃａｌｈｏｓｔ', 'loca\u00adlhost', '%6c%6f%63%61%6c%68%6f%73%74', '%31%32%37.1', '127%2e0%2e0%2e1', 'Ｌocal%68ost'];
const SCHEMES = [
  'file:///etc/passwd', 'file:/etc/passwd', 'file:etc/passwd', 'FILE:///etc/passwd', 'file://localhost/etc/passwd', 'concat:/etc/passwd|/etc/hosts', 'subfile,,start,0,end,100,,:/etc/passwd', 'data:video/mp4;base64,AAAA', 'data:text/plain,x', 'pipe:', 'pipe:0', 'fd:', 'fd:3',
  'lavfi:color', 'lavfi:movie=/etc/passwd', 'cache:http://{http}/', 'async:http://{http}/', 'crypto:http://{http}/', 'crypto+http://{http}/', 'hls+http://{http}/x.m3u8', 'hls:http://{http}/', 'httpproxy://{http}/', 'ffrtmphttp://{http}/', 'icecast://{http}/', 'mmsh://{http}/', 'mmst://{tcp}/', 'mms://{tcp}/',
  'tcp://{tcp}', 'tls://{tcp}', 'udp://{tcp}', 'udplite://{tcp}', 'rtp://{tcp}', 'srtp://{tcp}', 'srt://{tcp}', 'rist://{tcp}', 'sctp://{tcp}', 'unix:/tmp/socket', 'rtmp://{tcp}/a', 'rtmps://{tcp}/a', 'rtmpt://{http}/a', 'rtmpe://{tcp}/a', 'gopher://{tcp}/_x', 'gophers://{tcp}/_x', 'ftp://{tcp}/a.mp4', 'sftp://{tcp}/a', 'smb://{tcp}/a',
  'bluray:/dev/sr0', 'ipfs://{http}/a', 'ipns://{http}/a', 'zmq:tcp://{tcp}', 'amqp://{tcp}/a', 'prompeg://{tcp}', 'tee:a|b', 'md5:', 'dict://{tcp}/', 'ldap://{tcp}/', 'ws://{http}/', 'javascript:alert(1)', 'view-source:http://{http}/', 'blob:http://{http}/', 'rtsp+http://{http}/', 'rtspu://{tcp}/', 'rtsp-udp://{tcp}/', 'http+unix://x',
  'http:{http}', 'http:/{http}/', 'http:\\\\{http}\\', 'rtsp:{tcp}', '://{http}/', 'demo:../../etc/passwd', 'demo:street2', 'ffconcat version 1.0', 'http:///etc/passwd', 'rtsp://', 'https://:443/',
];
const OPTIONS = ['-f lavfi', '-f lavfi -i color', '-i', '-version', '--help', '-protocol_whitelist all -i http://{http}/', '-y /tmp/x', '@/etc/passwd', '$(id)', '`id`', ';id', '|id', '${HOME}/x.mp4', '~/x.mp4', '~root/x.mp4', '%2fetc%2fpasswd'];

/** All of it, some 300 strings, to be added to a service that allows private networks and `root`. */
export function hostileKinds({ httpPort, tcpPort, v6Port, root, outside }: Targets): readonly HostileKind[] {
  const [http, tcp] = [`127.0.0.1:${String(httpPort)}`, `127.0.0.1:${String(tcpPort)}`];
  const lead = (text: string): string => text.replaceAll('{http}', http).replaceAll('{tcp}', tcp);
  const port = (host: string): number => (host.includes('::1]') ? v6Port : httpPort);
  const at = (hosts: readonly string[], schemes: readonly string[]): string[] => hosts.flatMap((host) => schemes.map((scheme) => `${scheme}://${host}:${String(port(host))}/Zq7path`));
  return [
    { kind: 'other schemes', hostile: SCHEMES.map(lead), harmless: ['http://10.0.0.1/a', 'HTTPS://10.0.0.1/a', 'rtsp://10.0.0.1/a', 'RtspS://10.0.0.1/a'] },
    { kind: 'options and shells', hostile: OPTIONS.map(lead), harmless: [`${root}/-version.mp4`, `${root}/$(id) \`id\` ;|&.mp4`, `${root}/%2e%2e.mp4`] },
    { kind: 'metadata services', hostile: at(METADATA, ['http', 'rtsp']), harmless: ['http://10.169.169.254/'] },
    { kind: 'this machine, in every spelling', hostile: at(LOOPBACK, ['http', 'https', 'rtsp']), harmless: ['http://0xa.1/', 'rtsp://167772161/1', 'http://012.0.0.1/', 'rtsp://[::ffff:10.0.0.1]:554/1', 'http://[fd00:0::1]/'] },
    { kind: 'other networks', hostile: at(ELSEWHERE, ['http', 'rtsps']), harmless: ['http://172.16.0.1/', 'rtsp://192.168.255.254/', 'http://[fc00::1]/', 'rtsp://10.255.255.254/'] },
    { kind: 'look-alike hosts', hostile: [...at(LOOKALIKES, ['http', 'rtsp']), 'rtsp://10.0.0.1\u202e/1', 'http://\u200b127.0.0.1/', 'http://127.0.0.1\ufeff/', 'http://10.0.0.1\u2028.127.0.0.1/'], harmless: ['rtsp://kamera-tür.invalid/1', 'rtsp://10。0。0。1/1', 'http://１０.0.0.1/'] },
    {
      kind: 'logins that hide a host',
      hostile: ['rtsp://a@b@c', 'rtsp://a@b:p@10.0.0.1/1', `http://10.0.0.1@${http}/`, `http://10.0.0.1:80@${http}/`, `http://10.0.0.1%40@${http}/`, `rtsp://u:Zq7secret@${tcp}/`, `rtsp://u:Zq7@10.0.0.1:x@${tcp}/`, `http://user:Zq7/10.0.0.1?@${http}`, `http://10.0.0.1\\@${http}/`, `http://u:p@@${http}/`, 'rtsp://@/1', 'http://u:p@/', 'rtsp://us%0d%0aer:Zq7@10.0.0.1/', 'http://us%00er:Zq7@10.0.0.1/'],
      harmless: ['rtsp://user:p@ss:w/ord?#@10.0.0.1:554/1', 'rtsp://user:@10.0.0.1/', `http://${http}\\@10.0.0.1/`, `http://10.0.0.1/@${http}/`, `http://10.0.0.1/?u=http://x@${http}/`, `rtsp://10.0.0.1:554/${http}@x`],
    },
    {
      kind: 'control characters and great lengths',
      hostile: ['\r\n', '\n', '\0', '\t', '\u007f', '\u0085', '\u2028', '\u001b[2J'].flatMap((odd) => [`http://10.0.0.1/${odd}`, `rtsp://10.0.0.1${odd}/1`, `${root}/inside.mp4${odd}`, `${odd}rtsp://10.0.0.1/`]).concat(['', ' ', 'x'.repeat(4_097), `http://10.0.0.1/${'x'.repeat(60_000)}`, `rtsp://u:${'Zq7'.repeat(15_000)}@10.0.0.1/`, `${root}/${'../'.repeat(2_000)}etc/passwd`, 'http://10.0.0.1/ /', 'rtsp:// 10.0.0.1/']),
      harmless: [`http://10.0.0.1/${'x'.repeat(4_000)}`, `${root}/${'./'.repeat(100)}inside.mp4`, 'http://10.0.0.1/%0d%0a%00'],
    },
    {
      kind: 'files out of bounds',
      hostile: [
        '/etc/passwd', '/etc/passwd.mp4', '/proc/self/environ', '/proc/self/mem', '/dev/zero', '/dev/stdin', '/dev/video0', '/dev/v4l/by-id/x', '/', '.', '..', './', 'package.json', '../../etc/passwd', `${outside}/outside.mp4`, `${root}/../outside/outside.mp4`, `${root}/deep/../../outside/outside.mp4`, `${root}/./.././outside/outside.mp4`, `${root}//..//outside//outside.mp4`,
        `${root}/..\\outside\\outside.mp4`, `${root}/link.mp4`, `${root}/links/outside.mp4`, `${root}/links/../outside.mp4`, `${root}/loop.mp4`, `${root}/nowhere.mp4`, `${root}/missing.mp4`, `${root}/inside.mp4/x`, `${root}-evil/evil.mp4`, `${outside}/*.jpg`, `${root}/../outside/`, `${root}/links/*.jpg`, `${root}/links/`, '/etc/*.png', '//etc/passwd', 'C:\\Windows\\win.ini', '\\\\host\\share\\a.mp4',
      ],
      harmless: [`${root}/inside.mp4`, `${root}/deep/inside.mp4`, `${root}/deep/../inside.mp4`, `${root}//inside.mp4`, `${root}/links/../deep/inside.mp4`, `${root}/inner-link.mp4`, `${root}/deep/`, `${root}/deep/*.jpg`],
    },
  ];
}
