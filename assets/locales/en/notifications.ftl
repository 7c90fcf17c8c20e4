notifications-an-e-mail-says-that-a = An e-mail says that a patient connected, but never who. Choose who is notified on each link.
notifications-e-mail-bounced = E-mail bounced
notifications-error-last-recipient = The practice would no longer be notified of new patients. Add another recipient first.
notifications-no-one-is-notified-yet = No one is notified yet
notifications-open-a-link-and-choose-who = Open a link and choose who is notified of new patients.
notifications-resume-e-mails = Resume e-mails
