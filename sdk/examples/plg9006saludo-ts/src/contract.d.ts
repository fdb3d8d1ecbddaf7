// The contract as build.mjs puts it into the program.
declare module 'contract' {
  import type { INamespace } from 'protobufjs';
  const contract: INamespace;
  export default contract;
}
