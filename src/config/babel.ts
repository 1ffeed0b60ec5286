// A module of its own, to be loaded on errors alone: it takes as long as the rest of the loader together. A direct
// import() of this CommonJS package would have no named exports once it is bundled.
export { parse } from '@babel/parser';
