import { EmbedTile } from './embed/embed-tile.js';
import { parseEmbedAddress } from './embed/embed-address.js';

new EmbedTile(document.body, parseEmbedAddress(location.href)).start();
