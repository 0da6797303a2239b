/** What an author can do something about; each message says what. */
import { defineErrors } from "@pincer/plugin-sdk/error";

export const kitErrors = defineErrors({
  KIT_KIND_UNKNOWN: { message: "there is no such kind of plugin", wire: "INVALID_REQUEST" },
  KIT_ID_INVALID: { message: "that cannot be a plugin's id", wire: "INVALID_REQUEST" },
  KIT_ID_TAKEN: { message: "another plugin has this id", wire: "INVALID_REQUEST" },
  KIT_FOLDER_NOT_EMPTY: { message: "the folder is not empty", wire: "INVALID_REQUEST" },
  KIT_FOLDER_UNFIT: { message: "the folder holds no plugin", wire: "INVALID_REQUEST" },
  KIT_NOT_PUBLISHED: { message: "a package of Pincer does not hold that", wire: "INVALID_REQUEST" },
  KIT_NOT_LINKED: { message: "no such plugin is linked", wire: "INVALID_REQUEST" },
  KIT_FILE_OUTSIDE: { message: "a link leads out of the plugin's folder", wire: "INVALID_REQUEST" },
  KIT_NAME_TOO_LONG: { message: "the name of a file is too long for an archive", wire: "INVALID_REQUEST" },
});
