notifications-an-e-mail-says-that-a = Le courriel indique qu’un patient s’est connecté à la clinique, sans jamais préciser de qui il s’agit. Choisissez dans chaque lien les personnes à aviser.
notifications-e-mail-bounced = Courriel refusé
notifications-error-last-recipient = Plus personne à la clinique ne recevrait d’avis de nouveaux patients. Faites d’abord en sorte que quelqu’un d’autre les reçoive.
notifications-no-one-is-notified-yet = Personne n’est avisé pour l’instant
notifications-open-a-link-and-choose-who = Ouvrez un lien et choisissez qui est avisé des nouveaux patients.
notifications-resume-e-mails = Reprendre l’envoi
