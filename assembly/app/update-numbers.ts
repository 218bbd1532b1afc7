// Numbers of what an application may ask and say about updates of itself. Part of the host interface.

/** What `updateInfo` tells. */
export const enum UpdateInfo {
  /** 1 while an update is complete and waits to be applied. */
  Pending = 4,
  Enabled = 5,
  /** Version of the application that runs. */
  Version = 6,
  /** Status of the last update. */
  LastStatus = 7,
}

/** What `updateControl` does. */
export const enum UpdateControl {
  /** 1 take updates, 0 refuse them */
  Enable = 1,
  /** 1 an update may be applied as soon as it is complete, 0 it waits */
  Gate = 2,
  /** The application works: its probation ends well, now. */
  Healthy = 3,
  /** Apply the update that waits. */
  Apply = 4,
}
