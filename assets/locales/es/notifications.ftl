notifications-an-e-mail-says-that-a = Un correo dice que se conectó un paciente y nunca quién. A quién se avisa de un enlace se elige en el propio enlace.
notifications-e-mail-bounced = El correo rebotó
notifications-error-last-recipient = Nadie del consultorio recibiría avisos de pacientes nuevos. Primero deje que alguien más los reciba.
notifications-no-one-is-notified-yet = Todavía no se avisa a nadie
notifications-open-a-link-and-choose-who = Abra un enlace y elija a quién avisamos de sus pacientes nuevos.
notifications-resume-e-mails = Volver a escribirle
