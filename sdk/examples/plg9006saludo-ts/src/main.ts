// Command plg9006saludo is a plug-in in TypeScript: proof that the contract asks for no language. saludo.ts says what
// it does, sdk.ts how it speaks with the host.

import { plugin } from './saludo';
import { serve } from './sdk';

serve(plugin);
