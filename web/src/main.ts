import { ApiClient } from './api/api-client.js';
import { App } from './app.js';
import { applyStoredTheme } from './theme.js';

applyStoredTheme();
const address = new URL('ws', document.baseURI);
address.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
address.hash = '';
new App(document.body, address.href, new ApiClient(document.baseURI)).start();
