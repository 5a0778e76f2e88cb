import type { OperatorTable } from '../operator-table.js';
import { BLOCKS } from './blocks.js';
import { CONVOLUTIONS } from './convolutions.js';
import { ELEMENTWISE } from './elementwise.js';
import { GATHERING } from './gathering.js';
import { NORMALISATION } from './normalisation.js';
import { POOLING } from './pooling.js';
import { PRODUCTS } from './products.js';
import { REDUCTIONS } from './reductions.js';
import { RESIZING } from './resizing.js';
import { SHAPES } from './shapes.js';
import { SLICING } from './slicing.js';
import { STRIDED_SLICE } from './strided-slice.js';

/** Every operator of TensorFlow that is translated. */
export const OPERATORS: OperatorTable = { ...BLOCKS, ...CONVOLUTIONS, ...ELEMENTWISE, ...GATHERING, ...NORMALISATION, ...POOLING, ...PRODUCTS, ...REDUCTIONS, ...RESIZING, ...SHAPES, ...SLICING, ...STRIDED_SLICE };
