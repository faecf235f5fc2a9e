/** What a record's content goes through on its way into a store and back. */
export interface Codec {
  /** The content as it is stored; `identity` names the record, and its content opens under no other name. */
  seal(identity: string, plain: string): string;
  /** The content again; throws if it was changed, belongs to another record, or its key is gone. */
  open(identity: string, sealed: string): string;
  /** The same content under the current key, to be stored instead; `sealed` itself if it is under that already. */
  rewrap(identity: string, sealed: string): string;
}

/** Stores content as it is. */
export const plainCodec: Codec = {
  seal: (_identity, plain) => plain,
  open: (_identity, sealed) => sealed,
  rewrap: (_identity, sealed) => sealed,
};

/** A store whose content went through a codec. */
export interface SealedStore {
  /** Stores everything anew that is under an older key, a bounded part at a time; returns how much that was. */
  rewrapAll(): Promise<number>;
}
