/** The library in one file: a tenth of the time that its hundreds of modules take to load. Its types are those of the whole. */
declare module 'echarts/dist/echarts.esm.min.mjs' {
  export * from 'echarts';
}
