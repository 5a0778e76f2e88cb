import { describe, expect, it } from 'vitest';
import { parseEmbedAddress } from '../../web/src/embed/embed-address.js';

describe('the address of an embedded tile', () => {
  it.each([
    ['http://cam:8080/embed/door', { stream: 'door', token: null, serviceUrl: 'http://cam:8080/' }],
    ['https://cam/embed/door?x=1#token=a-b_c', { stream: 'door', token: 'a-b_c', serviceUrl: 'https://cam/' }],
    ['https://site/cameras/embed/door#token=abc', { stream: 'door', token: 'abc', serviceUrl: 'https://site/cameras/' }],
    ['https://cam/embed/door#x=1&token=a%2Bb+c&y=2', { stream: 'door', token: 'a+b+c', serviceUrl: 'https://cam/' }],
    ['https://cam/embed/door#token=', { stream: 'door', token: null, serviceUrl: 'https://cam/' }],
    ['https://cam/embed/door#token=50%', { stream: 'door', token: '50%', serviceUrl: 'https://cam/' }],
    ['https://cam/embed/door?token=abc', { stream: 'door', token: null, serviceUrl: 'https://cam/' }],
  ])('%s is taken apart', (href, address) => {
    expect(parseEmbedAddress(href)).toEqual(address);
  });
});
